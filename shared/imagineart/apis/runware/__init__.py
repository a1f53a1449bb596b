"""Runware's task API: an array of tasks in, an array of results and errors out."""

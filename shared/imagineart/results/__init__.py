"""Finished files at URLs that need no token and end by themselves."""

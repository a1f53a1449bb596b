"""Imagine's API (by Vyro), at /imagine: a form in, an image out, in its first version and its second."""

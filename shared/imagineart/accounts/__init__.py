"""Accounts of people: signing up, passwords, sessions, and erasing all that is kept of one."""

"""Generations of accounts: jobs that cost credits, under ids that are integers."""

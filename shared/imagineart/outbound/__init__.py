"""Requests to addresses that callers give: checked, bounded, and never to a private network."""

"""Reference images that are too large for a request."""

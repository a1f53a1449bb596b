"""References that are too large for a request, and images that callers keep to name as references."""

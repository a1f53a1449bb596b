"""Images that callers keep here under UUIDs, to be named as references."""

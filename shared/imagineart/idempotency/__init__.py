"""One response per Idempotency-Key."""

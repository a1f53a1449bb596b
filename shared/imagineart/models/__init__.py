"""Which models this API offers."""

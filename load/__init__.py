"""`make soak`: many callers at once against the local stack, every response checked."""

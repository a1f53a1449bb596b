"""Many callers at once against the local stack; nothing that ships to Lambda imports it."""

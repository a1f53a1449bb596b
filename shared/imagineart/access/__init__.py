"""Who may call: tokens, consumers, limits, peppers."""

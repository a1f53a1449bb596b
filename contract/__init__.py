"""The public contract as documents made from the definitions that validate requests."""

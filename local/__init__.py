"""What stands in for the cloud on a laptop; nothing that ships to Lambda imports it."""

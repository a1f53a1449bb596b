"""What is counted of requests: usage per consumer, and metrics."""

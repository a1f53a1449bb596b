"""What every API shares: the application, authentication, forms, errors, the log line."""

"""WebSocket connections: which consumer one belongs to, and messages to it from any function."""

"""Webhooks: signed requests that tell a consumer what became of its job, repeated until they are accepted."""

"""Who makes an image: the backends, fallback and retries."""

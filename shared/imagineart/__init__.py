"""The ImagineArt image API: one domain, its use cases, and the adapters that connect them to AWS and HTTP."""

"""The APIs, one package each."""

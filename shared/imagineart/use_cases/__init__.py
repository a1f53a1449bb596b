"""What a caller can ask of the system: one verb a module, written against the domain's ports."""

"""What the system knows about pictures, parameters, tokens and limits, in the standard library alone."""

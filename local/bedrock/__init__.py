"""A stand-in for Amazon Bedrock on loopback: the models that the product calls, painted."""

"""A stand-in for Amazon Bedrock on loopback: the models that the API calls, with images by the painter."""

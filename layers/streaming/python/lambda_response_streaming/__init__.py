"""Response streaming for Python on AWS Lambda: a handler returns a `StreamedResponse`, and its body flows."""

from lambda_response_streaming.response import StreamedResponse, is_streaming

__all__ = ["StreamedResponse", "is_streaming"]

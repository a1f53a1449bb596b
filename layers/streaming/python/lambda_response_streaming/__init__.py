"""Response streaming for Python on AWS Lambda: a handler returns a `StreamedResponse`.

`lambda_response_streaming.asgi` makes such a handler of an ASGI application.
"""

from lambda_response_streaming.response import StreamedResponse, is_streaming

__all__ = ["StreamedResponse", "is_streaming"]

"""Response streaming for Python on AWS Lambda: a handler returns a `StreamedResponse`, and its body flows.

A `FollowedResponse` is an ordinary answer with work to do once it is posted.
"""

from lambda_response_streaming.response import FollowedResponse, StreamedResponse, is_streaming

__all__ = ["FollowedResponse", "StreamedResponse", "is_streaming"]

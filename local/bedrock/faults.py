"""What Bedrock answers in place of an image, in the wire format.

Sources: botocore's service model of bedrock-runtime for the types and their statuses, Bedrock's user guide
for results that were filtered, and reports of users for the messages.
"""

from enum import Enum
from typing import Any


class Fault(Enum):
    """A response: its status, the error type in its header (none for a filtered result), and its body."""

    THROTTLED = 429, "ThrottlingException", "Too many requests, please wait before trying again."
    NOT_READY = 429, "ModelNotReadyException", "The model is not ready to serve inference requests."
    UNAVAILABLE = 503, "ServiceUnavailableException", "The service isn't currently available."
    NO_MODEL_ACCESS = 403, "AccessDeniedException", "You don't have access to the model with this model ID."
    NO_PERMISSION = (
        403,
        "AccessDeniedException",
        "User: a/b is not authorized to perform: bedrock:InvokeModel",
    )
    UNKNOWN_CLIENT = 403, "UnrecognizedClientException", "The security token in the request is invalid."
    EXPIRED_TOKEN = 403, "ExpiredTokenException", "The security token included in the request is expired"
    NO_SUCH_MODEL = 404, "ResourceNotFoundException", "Could not resolve the foundation model."
    END_OF_LIFE = 404, "ResourceNotFoundException", "This model version has reached the end of its life."
    INVALID_MODEL = 400, "ValidationException", "The provided model identifier is invalid."
    NEEDS_PROFILE = (
        400,
        "ValidationException",
        "a-model isn’t supported on-demand; retry with an inference profile",
    )
    WRONG_REGION = 400, "ValidationException", "The model is not supported in this Region."
    NOT_ALLOWED = 400, "ValidationException", "Operation not allowed"
    MALFORMED = 400, "ValidationException", "Malformed input request: #: extraneous key [x] is not permitted"
    FILTERED_WORDS = 400, "ValidationException", "invalid_prompts: a prompt contains filtered words."
    OVER_QUOTA = 400, "ServiceQuotaExceededException", "Your request exceeds the service quota."
    MODEL_TIMEOUT = 408, "ModelTimeoutException", "Processing time exceeded the model timeout length."
    MODEL_FAILED = 424, "ModelErrorException", "The request failed while processing the model."
    INTERNAL = 500, "InternalServerException", "The system encountered an unexpected error."
    PROMPT_FILTERED = 200, None, {"finish_reasons": ["Filter reason: prompt"]}
    OUTPUT_FILTERED = 200, None, {"finish_reasons": ["Filter reason: output image"], "images": []}
    INPUT_FILTERED = 200, None, {"finish_reasons": ["Filter reason: input image"]}
    INFERENCE_FAILED = 200, None, {"finish_reasons": ["Inference error"]}
    EMPTY = 200, None, {"seeds": [7], "finish_reasons": [None], "images": []}

    def __init__(self, status: int, error_type: str | None, body: str | dict[str, Any]) -> None:
        self.status = status
        self.error_type = error_type
        self.document = {"message": body} if isinstance(body, str) else dict(body)

"""What Bedrock says instead of a picture, in the exact wire shape.

Sources: botocore's service model of bedrock-runtime for the types and their statuses, Bedrock's user guide
for results that were filtered, and users' reports for the messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

NEEDS_PROFILE_MESSAGE: Final = (
    "Invocation of model ID {model_id} with on-demand throughput isn\N{RIGHT SINGLE QUOTATION MARK}t "
    "supported. Retry your request with the ID or ARN of an inference profile that contains this model."
)


class Fault(Enum):
    """An answer: its status, the type of error that its header names, and its document.

    A result that was filtered has the status 200 and no type.
    """

    THROTTLED = 429, "ThrottlingException", "Too many requests, please wait before trying again."
    NOT_READY = 429, "ModelNotReadyException", "The model is not ready to serve inference requests."
    UNAVAILABLE = 503, "ServiceUnavailableException", "The service isn't currently available."
    NO_MODEL_ACCESS = (
        403, "AccessDeniedException", "You don't have access to the model with the specified model ID.",
    )  # fmt: skip
    NO_PERMISSION = (
        403, "AccessDeniedException",
        "User: arn:aws:sts::111122223333:assumed-role/a/b is not authorized to perform: bedrock:InvokeModel "
        "on resource: a-model because no identity-based policy allows the bedrock:InvokeModel action",
    )  # fmt: skip
    UNKNOWN_CLIENT = (
        403, "UnrecognizedClientException", "The security token included in the request is invalid.",
    )  # fmt: skip
    EXPIRED_TOKEN = 403, "ExpiredTokenException", "The security token included in the request is expired"
    NO_SUCH_MODEL = (
        404, "ResourceNotFoundException",
        "Could not resolve the foundation model from the provided model identifier.",
    )  # fmt: skip
    END_OF_LIFE = (
        404, "ResourceNotFoundException", "This model version has reached the end of its life.",
    )  # fmt: skip
    INVALID_MODEL = 400, "ValidationException", "The provided model identifier is invalid."
    NEEDS_PROFILE = 400, "ValidationException", NEEDS_PROFILE_MESSAGE.format(model_id="a-model")
    WRONG_REGION = 400, "ValidationException", "The model is not supported in this Region."
    NOT_ALLOWED = 400, "ValidationException", "Operation not allowed"
    MALFORMED = 400, "ValidationException", "Malformed input request: #: extraneous key [x] is not permitted"
    FILTERED_WORDS = (
        400, "ValidationException", "invalid_prompts: One or more prompts contains filtered words.",
    )  # fmt: skip
    OVER_QUOTA = (
        400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account.",
    )  # fmt: skip
    MODEL_TIMEOUT = 408, "ModelTimeoutException", "Processing time exceeded the model timeout length."
    MODEL_FAILED = 424, "ModelErrorException", "The request failed while processing the model."
    INTERNAL = 500, "InternalServerException", "The system encountered an unexpected error."
    PROMPT_FILTERED = 200, None, {"finish_reasons": ["Filter reason: prompt"]}
    OUTPUT_FILTERED = (
        200, None, {"seeds": [7], "finish_reasons": ["Filter reason: output image"], "images": []},
    )  # fmt: skip
    INPUT_FILTERED = 200, None, {"finish_reasons": ["Filter reason: input image"]}
    INFERENCE_FAILED = 200, None, {"finish_reasons": ["Inference error"]}
    EMPTY = 200, None, {"seeds": [7], "finish_reasons": [None], "images": []}

    def __init__(self, status: int, error_type: str | None, said: str | Mapping[str, Any]) -> None:
        self.status = status
        self.error_type = error_type
        self.document = {"message": said} if isinstance(said, str) else dict(said)

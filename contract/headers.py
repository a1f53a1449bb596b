"""The headers of answers, as openapi.yaml and docs/api.md tell them."""

from dataclasses import dataclass
from typing import Any, Final

from contract.error_reference import EXAMPLE_REQUEST_ID
from imagineart.domain.catalogue import GENERATION_MODEL
from imagineart.domain.limit_status import LimitName
from imagineart.domain.sizes import output_size

_EXAMPLE_SIZE: Final = output_size("3:2", "2K")


@dataclass(frozen=True, slots=True)
class Header:
    """A header of an answer; `always` tells whether every such answer has it."""

    kind: str
    text: str
    example: str | int | bool
    always: bool = True
    allowed: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """The header as OpenAPI has it."""
        schema: dict[str, Any] = {"type": self.kind} | ({"enum": list(self.allowed)} if self.allowed else {})
        return {
            "description": self.text,
            "required": self.always,
            "schema": schema,
            "example": self.example,
        }


REQUEST_HEADERS: Final = {
    "X-Request-Id": Header(
        "string", "Names the request in the operator's logs; quote it when you ask for help.",
        EXAMPLE_REQUEST_ID,
    ),
}  # fmt: skip
LIMIT_HEADERS: Final = {
    "X-RateLimit-Limit": Header(
        "integer", "Requests a minute that the consumer may make; with 429, the limit that was hit.", 30
    ),
    "X-RateLimit-Remaining": Header("integer", "Requests left in the present minute; with 429, 0.", 29),
    "X-RateLimit-Reset": Header(
        "integer",
        "When the present minute ends, in Unix seconds; with 429, when there is room again.",
        1_795_219_260,
    ),
    "X-RateLimit-Resource": Header(
        "string",
        "The limit that the other three tell of.",
        str(LimitName.REQUESTS_PER_MINUTE),
        allowed=tuple(map(str, LimitName)),
    ),
}
PICTURE_HEADERS: Final = {
    "X-Seed": Header(
        "integer",
        "The seed that made the picture, the first of several; send it to get the picture again.",
        7,
        always=False,
    ),
    "X-Seed-Supported": Header(
        "boolean", "Comes, as false, in place of X-Seed: the model has no seed.", False, always=False
    ),
    "X-Model": Header("string", "The id of the model that made it.", GENERATION_MODEL.id),
    "X-Backend": Header("string", "The backend that made it; several by comma.", "bedrock"),
    "X-Image-Width": Header("integer", "Width in pixels.", _EXAMPLE_SIZE.width),
    "X-Image-Height": Header("integer", "Height in pixels.", _EXAMPLE_SIZE.height),
    "Idempotent-Replayed": Header(
        "boolean",
        "Where an Idempotency-Key came: whether this is the answer to an earlier request with it.",
        False,
        always=False,
    ),
}
ERROR_HEADERS: Final = {
    "X-Should-Retry": Header(
        "boolean",
        "Whether the same request may succeed when it is sent again; clients of OpenAI's API obey it.",
        True,
    ),
    "Retry-After": Header("integer", "Seconds to wait before the same request may succeed.", 42),
}

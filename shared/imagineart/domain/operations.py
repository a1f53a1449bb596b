"""What an authenticated caller can ask of this API, and the scope that a token needs for it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from imagineart.domain.catalogue import EDIT_MODEL, GENERATION_MODEL, Model


class Scope(StrEnum):
    """What a token may be used for."""

    GENERATE_IMAGES = "images:generate"
    EDIT_IMAGES = "images:edit"
    READ_MODELS = "models:read"
    WRITE_UPLOADS = "uploads:write"


ALL_SCOPES: Final = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint; `model` is what makes its images, None where it makes none. `name` is for accounts."""

    method: str
    path: str
    scope: Scope
    name: str
    model: Model | None = None


GENERATE_IMAGE: Final = Operation(
    "POST", "/v1/images/generations", Scope.GENERATE_IMAGES, GENERATION_MODEL.id, GENERATION_MODEL
)
EDIT_IMAGE: Final = Operation("POST", "/v1/images/edits", Scope.EDIT_IMAGES, EDIT_MODEL.id, EDIT_MODEL)
LIST_MODELS: Final = Operation("GET", "/v1/models", Scope.READ_MODELS, "models")
REQUEST_UPLOAD: Final = Operation("POST", "/v1/uploads", Scope.WRITE_UPLOADS, "uploads")

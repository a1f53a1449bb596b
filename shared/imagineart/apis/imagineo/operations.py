"""The authenticated operations of /imagineo/v1."""

from typing import Final

from starlette.requests import Request

from imagineart.access.tokens import Scope
from imagineart.apis.common.operation import Operation
from imagineart.images.operations import ModelOperation

API: Final = "imagineo"
"""What the jobs of this API have as their API."""

KEY_HEADER: Final = "X-API-Key"


def _api_key(request: Request) -> str | None:
    return request.headers.get(KEY_HEADER, "").strip() or None


GENERATE: Final = Operation(
    "imagineo", Scope.GENERATE_IMAGES, ModelOperation.GENERATE, makes_jobs=True, token_of=_api_key
)
GET_GENERATION: Final = Operation("imagineo-generations", Scope.GENERATE_IMAGES, token_of=_api_key)
LIST_MODELS: Final = Operation("imagineo-models", Scope.READ_MODELS, token_of=_api_key)

"""The authenticated operations of /v1."""

from typing import Final

from imagineart.access.tokens import Scope
from imagineart.apis.common.operation import Operation
from imagineart.models.catalogue import EDIT_MODEL, GENERATION_MODEL

GENERATE_IMAGE: Final = Operation(GENERATION_MODEL.id, Scope.GENERATE_IMAGES, GENERATION_MODEL)
EDIT_IMAGE: Final = Operation(EDIT_MODEL.id, Scope.EDIT_IMAGES, EDIT_MODEL)
LIST_MODELS: Final = Operation("models", Scope.READ_MODELS)
MANAGE_JOBS: Final = Operation("jobs", Scope.GENERATE_IMAGES, other_scope=Scope.EDIT_IMAGES)
REQUEST_UPLOAD: Final = Operation("uploads", Scope.WRITE_UPLOADS)

"""The authenticated operations of /v1."""

from typing import Final

from imagineart.access.tokens import Scope
from imagineart.apis.common.operation import Operation
from imagineart.images.operations import ModelOperation

API: Final = "imagineart"
"""What jobs that /v1 accepted have as their API."""

GENERATE_IMAGE: Final = Operation("text-to-image", Scope.GENERATE_IMAGES, ModelOperation.GENERATE)
EDIT_IMAGE: Final = Operation("image-edit", Scope.EDIT_IMAGES, ModelOperation.EDIT)
CREATE_VARIATION: Final = Operation("image-variation", Scope.EDIT_IMAGES, ModelOperation.VARIATION)
LIST_MODELS: Final = Operation("models", Scope.READ_MODELS)
MANAGE_JOBS: Final = Operation("jobs", Scope.GENERATE_IMAGES, other_scope=Scope.EDIT_IMAGES)
REQUEST_UPLOAD: Final = Operation("uploads", Scope.WRITE_UPLOADS)

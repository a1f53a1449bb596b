"""GET /v1/models: the models a caller may use, and the parameters that each accepts."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path

from imagineart.apis.common.dependencies import CurrentCall
from imagineart.apis.common.route import authenticated
from imagineart.apis.imagineart.describe_models import describe_parameters
from imagineart.apis.imagineart.documentation import ERROR_RESPONSES, MODEL_RESPONSE, MODELS_RESPONSE
from imagineart.apis.imagineart.operations import LIST_MODELS
from imagineart.errors import UnknownRequestError
from imagineart.models.model import OFFERED_SINCE, OWNER, Model
from imagineart.quoting import shown

router: Final = APIRouter(route_class=authenticated(LIST_MODELS), tags=["Models"])

ModelId = Annotated[str, Path(examples=["text-to-image"])]


@router.get("/v1/models", summary="List models", responses=ERROR_RESPONSES | MODELS_RESPONSE)
async def list_models(call: CurrentCall) -> dict[str, Any]:
    """List the models available to the caller, and the parameters that each accepts."""
    return {"data": [describe_model(model) for model in _available(call)], "object": "list"}


@router.get("/v1/models/{model_id}", summary="Get a model", responses=ERROR_RESPONSES | MODEL_RESPONSE)
async def get_model(model_id: ModelId, call: CurrentCall) -> dict[str, Any]:
    """Get one of the models available to the caller."""
    models = _available(call)
    for model in models:
        if model.id == model_id:
            return describe_model(model)
    available = ", ".join(model.id for model in models)
    raise UnknownRequestError(f"No model has the id {shown(model_id)}; available: {available}.")


def _available(call: CurrentCall) -> list[Model]:
    consumer = call.required_admission.consumer
    return [model for model in call.services.models.current().image_models if consumer.may_use(model.id)]


def describe_model(model: Model) -> dict[str, Any]:
    """A model as ``GET /v1/models`` shows it; the last three keys are what OpenAI's clients read.

    Source: https://platform.openai.com/docs/api-reference/models/object
    """
    return {
        "id": model.id,
        "name": model.name,
        "modality": model.modality,
        "parameters": describe_parameters(model),
        "object": "model",
        "created": OFFERED_SINCE,
        "owned_by": OWNER,
    }

"""GET /imagineo/v1/models: the models that the caller may generate with."""

from typing import Any, Final

from fastapi import APIRouter

from imagineart.apis.common.dependencies import CurrentCall
from imagineart.apis.common.route import authenticated
from imagineart.apis.imagineo.documentation import MODELS_RESPONSES, SECURITY
from imagineart.apis.imagineo.operations import LIST_MODELS
from imagineart.apis.imagineo.responses import describe_model
from imagineart.images.operations import ModelOperation

router: Final = APIRouter(route_class=authenticated(LIST_MODELS), tags=["ImagineoAI"])


@router.get(
    "/imagineo/v1/models",
    operation_id="imagineo_list_models",
    summary="List models",
    responses=MODELS_RESPONSES,
    openapi_extra={"security": SECURITY},
)
async def list_models(call: CurrentCall) -> dict[str, Any]:
    """List the models that the caller may generate with, the default one first."""
    consumer = call.required_admission.consumer
    serving = call.services.models.current().serving(ModelOperation.GENERATE)
    return {"models": [describe_model(model) for model in serving if consumer.may_use(model.id)]}

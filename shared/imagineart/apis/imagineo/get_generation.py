"""GET /imagineo/v1/generations/{run_id}: how far a generation is, and where its image is."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path

from imagineart.apis.common.call import Call
from imagineart.apis.common.dependencies import CurrentCall
from imagineart.apis.common.route import authenticated
from imagineart.apis.imagineo.documentation import GENERATION_RESPONSES, RUN_ID_EXAMPLE, SECURITY
from imagineart.apis.imagineo.operations import API, GET_GENERATION
from imagineart.apis.imagineo.responses import describe_generation, job_id_of
from imagineart.errors import UnknownRequestError
from imagineart.jobs.estimate_job import progress_of
from imagineart.jobs.model import Job
from imagineart.quoting import shown

router: Final = APIRouter(route_class=authenticated(GET_GENERATION), tags=["ImagineoAI"])

RunId = Annotated[str, Path(examples=[RUN_ID_EXAMPLE])]


@router.get(
    "/imagineo/v1/generations/{run_id}",
    operation_id="imagineo_get_generation",
    summary="Get a generation",
    responses=GENERATION_RESPONSES,
    openapi_extra={"security": SECURITY},
)
async def get_generation(run_id: RunId, call: CurrentCall) -> dict[str, Any]:
    """Get the status of a generation, and the URL of its image once it is completed."""
    job = _find(call, run_id)
    progress = progress_of(
        job, typical_seconds=_typical_seconds(call, job.model_id), now=call.services.clock()
    )
    return describe_generation(job, progress=progress)


def _find(call: Call, run_id: str) -> Job:
    job_id = job_id_of(run_id)
    try:
        return call.services.manage_jobs(API).find(call.consumer_id, job_id or "")
    except UnknownRequestError:
        message = f"No generation has the run_id {shown(run_id)}. Generations are kept for 30 days."
        raise UnknownRequestError(message) from None


def _typical_seconds(call: Call, model_id: str) -> float | None:
    """None for a model that is no longer offered."""
    models = call.services.models.current().models
    return next((model.typical_seconds for model in models if model.id == model_id), None)

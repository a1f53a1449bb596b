"""POST /imagineo/v1/generate: a prompt in, the id of a run out."""

import math
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from imagineart.apis.common.call import Call
from imagineart.apis.common.dependencies import CurrentCall
from imagineart.apis.common.documentation import IDEMPOTENCY_KEY
from imagineart.apis.common.fields import JSON, read_fields
from imagineart.apis.common.respond_once import respond_once
from imagineart.apis.common.route import authenticated
from imagineart.apis.imagineo.documentation import GENERATE_BODY, GENERATE_RESPONSES, SECURITY
from imagineart.apis.imagineo.operations import API, GENERATE
from imagineart.apis.imagineo.parameters import GenerateFields, image_request
from imagineart.apis.imagineo.responses import accepted_response
from imagineart.errors import ImagineArtError, InvalidRequestError
from imagineart.idempotency.model import StoredResponse
from imagineart.images.seeds import choose_seed
from imagineart.images.sizes import smallest_covering
from imagineart.jobs.model import Job
from imagineart.models.model import Model
from imagineart.results.model import RESULT_LIFE_SECONDS
from imagineart.usage.model import ACCEPTED

router: Final = APIRouter(route_class=authenticated(GENERATE), tags=["ImagineoAI"])


class GenerateBody(NamedTuple):
    """A validated body."""

    fields: GenerateFields
    model: Model


async def _read_body(request: Request) -> GenerateBody:
    call: Call = request.state.call
    submitted = await read_fields(request)
    if not submitted.is_json:
        raise InvalidRequestError("Content-Type", f"allowed: {JSON}.")
    call.record_prompt(submitted.values.get("positive_prompt"))
    fields = GenerateFields.read(submitted)
    return GenerateBody(fields, call.choose_model(fields.model_id, field="model_id"))


@router.post(
    "/imagineo/v1/generate",
    operation_id="imagineo_generate",
    summary="Generate an image",
    responses=GENERATE_RESPONSES,
    openapi_extra={"parameters": [IDEMPOTENCY_KEY], "requestBody": GENERATE_BODY, "security": SECURITY},
)
async def generate(body: Annotated[GenerateBody, Depends(_read_body)], call: CurrentCall) -> Response:
    """Start the generation of an image; GET /imagineo/v1/generations/{run_id} says when it is there."""

    async def accept() -> StoredResponse:
        job = await _accept(call, body)
        return accepted_response(job, estimated_seconds=_estimate(call, job, body.model))

    stored = await respond_once(call, _came(body.fields), accept, response_type="job")
    return Response(stored.content, headers=dict(stored.headers))


def _came(fields: GenerateFields) -> dict[str, Any]:
    return {name: str(getattr(fields, name)) for name in fields.model_fields_set}


async def _accept(call: Call, body: GenerateBody) -> Job:
    _, call.record.resolution = smallest_covering(body.fields.size)
    seed = choose_seed(None, call.services.random_below)
    job = await call.services.accept_job.accept(
        call.required_admission,
        image_request(body.fields, body.model, seed=seed),
        api=API,
        model_id=body.model.id,
        resolution=call.record.resolution,
        base_url=call.base_url,
        result_life_seconds=RESULT_LIFE_SECONDS,
    )
    call.record.outcome = ACCEPTED
    call.record.log_fields.update(model=body.model.id, job=job.key.id)
    return job


def _estimate(call: Call, job: Job, model: Model) -> int:
    """In how many seconds the image will be there; the job is accepted, whether that can be read or not."""
    limit = call.required_admission.consumer.limits.concurrent_requests
    try:
        rounds = call.services.estimate_job.rounds(job.key, limit=limit)
    except ImagineArtError as error:
        call.services.logger.warning("jobs", detail=f"no estimate for {job.key.id}: {error.detail}")
        rounds = 1
    return math.ceil(rounds * model.typical_seconds)

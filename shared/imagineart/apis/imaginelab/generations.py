"""/generations: what an account generates, what of it there is, and which models it may use."""

import json
from dataclasses import replace
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request

from imagineart.apis.common.dependencies import CurrentCall
from imagineart.apis.common.fields import JSON, media_type, read_fields
from imagineart.apis.common.validation import validate
from imagineart.apis.imaginelab import documentation
from imagineart.apis.imaginelab.auth import PREFIX
from imagineart.apis.imaginelab.documentation import PathId, generation_body, query_of
from imagineart.apis.imaginelab.generation_fields import GenerationFields, ListFields
from imagineart.apis.imaginelab.models import choose_model, layout_model, offered_models, typical_seconds
from imagineart.apis.imaginelab.route import AccountRoute, CurrentAccount
from imagineart.apis.imaginelab.services import services_of
from imagineart.apis.imaginelab.settings import SETTINGS, ask
from imagineart.apis.imaginelab.views import describe_generation
from imagineart.errors import InvalidRequestError
from imagineart.generations.manage_generations import MAX_LISTED, Filters
from imagineart.generations.model import GenerationStatus, GenerationType, Order, credit_cost
from imagineart.jobs.estimate_job import progress_of

_MAX_PAGE_CHARACTERS: Final = 3_000_000
"""Lambda responds with 6 MB at most, as a text in JSON, in which a quotation mark is two characters."""

router: Final = APIRouter(prefix=f"{PREFIX}/generations", route_class=AccountRoute, tags=["ImagineLab"])


@router.post(
    "",
    operation_id="imaginelab_create_generation",
    status_code=201,
    responses=documentation.CREATED,
    openapi_extra=generation_body(
        GenerationFields,
        SETTINGS,
        {
            "generation_type": "image",
            "model_name": "seedream-5.0-lite",
            "prompt": "A neon city skyline at dusk, ultra-detailed",
            "settings": {"aspect_ratio": "16:9"},
            "project_id": None,
        },
    ),
)
async def create_generation(request: Request, account: CurrentAccount, call: CurrentCall) -> dict[str, Any]:
    """Reserve credits and start a generation."""
    if media_type(request) != JSON:
        raise InvalidRequestError("Content-Type", f"allowed: {JSON}.")
    fields = GenerationFields.read(await read_fields(request))
    kind = GenerationType(fields.generation_type)
    model = choose_model(call, kind, fields.model_name)
    services = services_of(request)
    asked = ask(kind, fields.prompt, fields.own_settings, model, services.random_below)
    if kind is GenerationType.INFOGRAPHIC:
        asked = replace(asked, layout_model=layout_model(call))
    order = Order(kind, fields.model_name, fields.own_settings, fields.own_project, credit_cost(kind, model))
    generation = await services.create_generation.create(
        account, call.required_admission, order, asked, base_url=call.base_url
    )
    call.record.log_fields.update(model=model.id, job=generation.job.key.id)
    return describe_generation(generation, account)


@router.get(
    "",
    operation_id="imaginelab_list_generations",
    responses=documentation.PAGE,
    openapi_extra=query_of(ListFields),
)
async def list_generations(request: Request, account: CurrentAccount) -> dict[str, Any]:
    """List the generations of the last 30 days, the newest first."""
    fields = validate(ListFields, dict(request.query_params), is_json=False)
    if fields.skip + fields.limit > MAX_LISTED:
        came = f"got {fields.skip} with limit {fields.limit}"
        raise InvalidRequestError("skip", f"{came}; allowed: {MAX_LISTED} together.")
    filters = Filters(
        GenerationType(fields.generation_type) if fields.generation_type else None,
        GenerationStatus(fields.status) if fields.status else None,
        fields.project_id or None,
    )
    found, count = services_of(request).manage_generations.list(
        account, filters, skip=fields.skip, limit=fields.limit
    )
    page = {"data": [describe_generation(each, account) for each in found], "count": count}
    if len(json.dumps(page)) > _MAX_PAGE_CHARACTERS:
        raise InvalidRequestError(
            "limit", f"got {fields.limit}, with which the response is too large; allowed: fewer."
        )
    return page


@router.get("/models", operation_id="imaginelab_list_models", responses=documentation.MODELS)
async def list_models(call: CurrentCall) -> list[dict[str, Any]]:
    """List the models with what each makes and costs."""
    return [
        {"name": model.id, "generation_type": str(kind), "credit_cost": credit_cost(kind, model)}
        for kind in GenerationType
        for model in offered_models(call, kind)
    ]


@router.get("/{generation_id}", operation_id="imaginelab_get_generation", responses=documentation.GENERATION)
async def get_generation(generation_id: PathId, request: Request, account: CurrentAccount) -> dict[str, Any]:
    """Get a generation with its outputs."""
    generation = services_of(request).manage_generations.find(account, generation_id)
    return describe_generation(generation, account)


@router.get("/{generation_id}/status", operation_id="imaginelab_get_status", responses=documentation.STATUS)
async def get_status(
    generation_id: PathId, request: Request, account: CurrentAccount, call: CurrentCall
) -> dict[str, Any]:
    """Get how far a generation is."""
    services = services_of(request)
    generation = services.manage_generations.find(account, generation_id)
    progress = progress_of(
        generation.job, typical_seconds=typical_seconds(call, generation.job), now=services.clock()
    )
    return {"id": generation.id, "status": str(generation.status), "progress": progress}


@router.delete(
    "/{generation_id}",
    operation_id="imaginelab_delete_generation",
    responses=documentation.GENERATION_DELETED,
)
async def delete_generation(
    generation_id: PathId, request: Request, account: CurrentAccount
) -> dict[str, str]:
    """Delete a generation and its outputs; one that has not ended costs nothing."""
    services_of(request).manage_generations.delete(account, generation_id)
    return {"message": "Generation deleted successfully"}

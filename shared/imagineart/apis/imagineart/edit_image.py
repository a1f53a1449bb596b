"""POST /v1/images/edits and /v1/images/variations: images from reference images."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.responses import Response

from imagineart.apis.common.call import Call
from imagineart.apis.common.dependencies import CurrentCall
from imagineart.apis.common.documentation import IDEMPOTENCY_KEY
from imagineart.apis.common.route import authenticated
from imagineart.apis.imagineart.documentation import IMAGE_RESPONSES, PREFER
from imagineart.apis.imagineart.image_body import ImageBody, body_reader, body_schema
from imagineart.apis.imagineart.image_requests import edit_request, variation_request
from imagineart.apis.imagineart.job_documentation import ACCEPTED_RESPONSE
from imagineart.apis.imagineart.operations import CREATE_VARIATION, EDIT_IMAGE
from imagineart.apis.imagineart.parameters import EditFields, VariationFields
from imagineart.apis.imagineart.respond_with_images import respond_with_images
from imagineart.images.in_thread import in_image_thread
from imagineart.images.model import ImageRequest, ReferenceImage
from imagineart.images.seeds import choose_seed

edits: Final = APIRouter(route_class=authenticated(EDIT_IMAGE), tags=["Images"])
variations: Final = APIRouter(route_class=authenticated(CREATE_VARIATION), tags=["Images"])

EditBody = Annotated[ImageBody[EditFields], Depends(body_reader(EditFields))]
VariationBody = Annotated[ImageBody[VariationFields], Depends(body_reader(VariationFields))]


@edits.post(
    "/v1/images/edits",
    summary="Edit image",
    response_class=Response,
    responses=IMAGE_RESPONSES | ACCEPTED_RESPONSE,
    openapi_extra={"parameters": [IDEMPOTENCY_KEY, PREFER], "requestBody": body_schema(EditFields)},
)
async def edit_image(body: EditBody, call: CurrentCall) -> Response:
    """Edit reference images: a form gets the PNG, JSON gets OpenAI's shape."""

    async def make_request() -> ImageRequest:
        seed = choose_seed(body.fields.chosen_seed, call.services.random_below)
        references = await _read_references(call, body.references)
        request = edit_request(body.fields, body.model, references, seed=seed)
        return request if body.mask is None else await _with_mask(call, request, body.mask)

    return await respond_with_images(call, body, make_request)


@variations.post(
    "/v1/images/variations",
    summary="Create variation",
    response_class=Response,
    responses=IMAGE_RESPONSES | ACCEPTED_RESPONSE,
    openapi_extra={"parameters": [IDEMPOTENCY_KEY, PREFER], "requestBody": body_schema(VariationFields)},
)
async def create_variation(body: VariationBody, call: CurrentCall) -> Response:
    """Vary a reference image, without an instruction: an endpoint of OpenAI's API."""

    async def make_request() -> ImageRequest:
        seed = choose_seed(body.fields.chosen_seed, call.services.random_below)
        references = await _read_references(call, body.references)
        return variation_request(body.fields, body.model, references, seed=seed)

    return await respond_with_images(call, body, make_request)


async def _read_references(call: Call, images: tuple[bytes | str, ...]) -> tuple[ReferenceImage, ...]:
    """The references, fetched and decoded one after another, so that the deadline holds between them."""
    # Pillow is imported at the first edit only.
    from imagineart.images.references import read_reference

    references = []
    for position, image in enumerate(images):
        label = f"images[{position}]"
        content = await _read_file(call, image, label)
        references.append(await in_image_thread(read_reference, content, label=label))
    return tuple(references)


async def _with_mask(call: Call, request: ImageRequest, mask: bytes | str) -> ImageRequest:
    from imagineart.images.masks import inpaint_request

    return await in_image_thread(inpaint_request, request, await _read_file(call, mask, "mask"))


async def _read_file(call: Call, file: bytes | str, label: str) -> bytes:
    """The file itself, or that of an upload."""
    if isinstance(file, bytes):
        return file
    return await asyncio.to_thread(call.services.uploads.fetch, call.consumer_id, file, label=label)


router: Final = APIRouter()
router.include_router(edits)
router.include_router(variations)

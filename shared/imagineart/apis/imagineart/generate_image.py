"""POST /v1/images/generations: a form in, a PNG out; or JSON in OpenAI's shape."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.responses import Response

from imagineart.apis.common.dependencies import CurrentCall
from imagineart.apis.common.documentation import IDEMPOTENCY_KEY
from imagineart.apis.common.route import authenticated
from imagineart.apis.imagineart.documentation import IMAGE_RESPONSES, PREFER
from imagineart.apis.imagineart.image_body import ImageBody, body_reader, body_schema
from imagineart.apis.imagineart.image_requests import generation_request
from imagineart.apis.imagineart.job_documentation import ACCEPTED_RESPONSE
from imagineart.apis.imagineart.operations import GENERATE_IMAGE
from imagineart.apis.imagineart.parameters import GenerationFields
from imagineart.apis.imagineart.respond_with_images import respond_with_images
from imagineart.images.model import ImageRequest
from imagineart.images.seeds import choose_seed

router: Final = APIRouter(route_class=authenticated(GENERATE_IMAGE), tags=["Images"])

GenerationBody = Annotated[ImageBody[GenerationFields], Depends(body_reader(GenerationFields))]


@router.post(
    "/v1/images/generations",
    summary="Generate image",
    response_class=Response,
    responses=IMAGE_RESPONSES | ACCEPTED_RESPONSE,
    openapi_extra={"parameters": [IDEMPOTENCY_KEY, PREFER], "requestBody": body_schema(GenerationFields)},
)
async def generate_image(body: GenerationBody, call: CurrentCall) -> Response:
    """Generate images from a prompt: a form gets the PNG, JSON gets OpenAI's shape."""

    async def make_request() -> ImageRequest:
        seed = choose_seed(body.fields.chosen_seed, call.services.random_below)
        return generation_request(body.fields, body.model, seed=seed)

    return await respond_with_images(call, body, make_request)

"""The endpoints of /imagine, both versions, as one router for one function."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imagineart.access.tokens import Scope
from imagineart.apis.common.dependencies import CurrentCall
from imagineart.apis.common.documentation import IDEMPOTENCY_KEY
from imagineart.apis.common.operation import Operation
from imagineart.apis.common.route import authenticated, unauthenticated
from imagineart.apis.imagine import image_requests, parameters
from imagineart.apis.imagine.authentication import request_token
from imagineart.apis.imagine.body import read_body
from imagineart.apis.imagine.documentation import RESPONSES, SECURITY, request_body
from imagineart.apis.imagine.image_requests import Asked
from imagineart.apis.imagine.parameters import ImagineFields
from imagineart.apis.imagine.respond_with_image import respond_with_image
from imagineart.errors import UnknownRequestError
from imagineart.images.model import ImageRequest
from imagineart.images.operations import ModelOperation

_V1: Final = "/imagine/v1/imagine/api"
_V2: Final = "/imagine/v2/image"


class Endpoint(NamedTuple):
    """What an endpoint reads, what it asks of which model, and what the OpenAPI document calls it."""

    path: str
    name: str
    summary: str
    operation: ModelOperation
    fields: type[ImagineFields]
    ask: Callable[[Asked], ImageRequest]

    @property
    def scope(self) -> Scope:
        """What a token needs: it is an edit where an image comes in."""
        return Scope.EDIT_IMAGES if "image" in self.fields.files else Scope.GENERATE_IMAGES


ENDPOINTS: Final = (
    Endpoint(
        f"{_V1}/generations", "generate", "Generate an image",
        ModelOperation.GENERATE, parameters.GenerationFields, image_requests.generation,
    ),
    Endpoint(
        f"{_V1}/generations/variations", "vary", "Vary an image",
        ModelOperation.VARIATION, parameters.VariationFields, image_requests.edit,
    ),
    Endpoint(
        f"{_V1}/generations/guided", "alter", "Alter an image",
        ModelOperation.EDIT, parameters.GuidedFields, image_requests.edit,
    ),
    Endpoint(
        f"{_V1}/edits/remix", "remix", "Keep to the lines, shapes or pose of an image",
        ModelOperation.CONTROL_POSE, parameters.RemixFields, image_requests.edit,
    ),
    Endpoint(
        f"{_V1}/edits/inpaint", "inpaint", "Make a part of an image anew",
        ModelOperation.INPAINT, parameters.InpaintFields, image_requests.inpainting,
    ),
    Endpoint(
        f"{_V1}/upscale", "upscale", "Enlarge an image",
        ModelOperation.UPSCALE, parameters.UpscaleFields, image_requests.enlargement,
    ),
    Endpoint(
        f"{_V2}/generations", "generate_v2", "Generate an image",
        ModelOperation.GENERATE, parameters.StyledFields, image_requests.generation,
    ),
    Endpoint(
        f"{_V2}/generations/transparent", "generate_transparent", "Generate a transparent image",
        ModelOperation.GENERATE, parameters.TransparentFields, image_requests.transparent_generation,
    ),
    Endpoint(
        f"{_V2}/generations/ai-background", "replace_background", "Put the subject in another place",
        ModelOperation.REPLACE_BACKGROUND, parameters.BackgroundFields, image_requests.same_image,
    ),
    Endpoint(
        f"{_V2}/edits/generative-fill", "fill", "Make a part of an image anew",
        ModelOperation.INPAINT, parameters.FillFields, image_requests.inpainting,
    ),
    Endpoint(
        f"{_V2}/edits/ai-resize", "resize", "Extend an image",
        ModelOperation.OUTPAINT, parameters.ResizeFields, image_requests.extension,
    ),
    Endpoint(
        f"{_V2}/background/remover", "remove_background", "Remove the background",
        ModelOperation.REMOVE_BACKGROUND, parameters.RemoverFields, image_requests.same_image,
    ),
    Endpoint(
        f"{_V2}/enhance", "enhance", "Enlarge an image",
        ModelOperation.UPSCALE, parameters.EnhanceFields, image_requests.enlargement,
    ),
)  # fmt: skip


def _respond(endpoint: Endpoint) -> Callable[..., Awaitable[Response]]:
    async def respond(request: Request, call: CurrentCall) -> Response:
        body = await read_body(request, call, endpoint.fields)
        return await respond_with_image(call, body, endpoint.ask)

    return respond


async def _respond_unknown() -> Response:
    paths = ", ".join(each.path for each in ENDPOINTS)
    raise UnknownRequestError(f"No endpoint has this path and method; allowed: POST to {paths}.")


router: Final = APIRouter(tags=["Imagine"])
for each in ENDPOINTS:
    operation = Operation(f"imagine-{each.name}", each.scope, each.operation, token_of=request_token)
    router.add_api_route(
        each.path,
        _respond(each),
        methods=["POST"],
        operation_id=f"imagine_{each.name}",
        summary=each.summary,
        description=each.fields.__doc__,
        response_class=Response,
        responses=RESPONSES,
        openapi_extra={
            "parameters": [IDEMPOTENCY_KEY],
            "requestBody": request_body(each.fields),
            "security": SECURITY,
        },
        route_class_override=authenticated(operation),
    )
# API Gateway sends all that is below /imagine here.
router.add_api_route(
    "/imagine/{path:path}",
    _respond_unknown,
    methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    include_in_schema=False,
    route_class_override=unauthenticated("imagine"),
)

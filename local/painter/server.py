"""The painter as a server of OpenAI's images protocol: https://platform.openai.com/docs/api-reference/images"""

import base64
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, Literal, TypeAlias

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.painter.draw import ReferenceImageError, edit_image, generate_image, repaint_image
from local.studio import server as studio

_Model: TypeAlias = Literal["painter-generate", "painter-edit"]
_Side: TypeAlias = Annotated[int, Field(ge=256, le=4096)]
_busy: Final = CapacityLimiter(os.cpu_count() or 1)


class ImageRequest(BaseModel):
    """What both endpoints take; `size` is WIDTHxHEIGHT in pixels."""

    model: _Model
    prompt: Annotated[str, Field(min_length=1)]
    size: Annotated[tuple[_Side, _Side], BeforeValidator(lambda text: str(text).split("x"))] = (1024, 1024)
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    n: Annotated[int, Field(ge=1, le=1)] = 1
    response_format: Literal["b64_json", "png"] = "b64_json"
    reasoning: Literal["low", "high"] = "low"


async def _generate(request: Request) -> Response:
    body = ImageRequest.model_validate_json(await request.body())
    return await _respond(body, generate_image, rich=body.reasoning == "high")


async def _edit(request: Request) -> Response:
    async with request.form() as form:
        body = ImageRequest.model_validate(dict(form))
        files = [*form.getlist("image"), *form.getlist("image[]")]
        mask = form.getlist("mask")[:1]
        references = [await file.read() for file in files + mask if isinstance(file, UploadFile)]
    return await _respond(body, repaint_image if mask else edit_image, references=references)


async def _respond(body: ImageRequest, draw: Callable[..., bytes], **options: Any) -> Response:
    work = partial(draw, body.prompt, body.seed, *body.size, **options)
    image = await to_thread.run_sync(work, limiter=_busy)
    if body.response_format == "png":
        return Response(image, media_type="image/png")
    encoded = base64.b64encode(image).decode()
    return JSONResponse({"created": int(time.time()), "data": [{"b64_json": encoded}]})


async def _refuse(_: Request, error: Exception) -> Response:
    first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": ["image"], "msg": str(error)}
    param = str(first["loc"][0]) if first["loc"] else "body"
    details = {"message": f"{param}: {first['msg']}", "type": "invalid_request_error", "param": param}
    return JSONResponse({"error": details}, 400)


app: Final = Starlette(
    routes=[
        Route("/v1/images/generations", _generate, methods=["POST"]),
        Route("/v1/images/edits", _edit, methods=["POST"]),
        *studio.ROUTES,
    ],
    exception_handlers=dict.fromkeys((ValidationError, ReferenceImageError), _refuse),
)

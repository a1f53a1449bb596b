"""The painter in vLLM-Omni's words: https://docs.vllm.ai/projects/vllm-omni/en/stable/serving/image_generation_api/"""

import base64
import json
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

from local.painter.draw import ReferenceImageError, Wish, edit_image, generate_image, repaint_image
from local.studio import server as studio

_Side: TypeAlias = Annotated[int, Field(ge=256, le=4096)]
_busy: Final = CapacityLimiter(os.cpu_count() or 1)


def _scale(lora: Any) -> Any:
    """A form has the LoRA as JSON; which one it is makes no difference."""
    return (json.loads(lora) if isinstance(lora, str) else lora).get("scale", 1.0)


class ImageRequest(BaseModel):
    """What both endpoints take; `size` is WIDTHxHEIGHT in pixels."""

    model: Literal["painter-generate", "painter-edit"]
    prompt: Annotated[str, Field(min_length=1)]
    size: Annotated[tuple[_Side, _Side], BeforeValidator(lambda text: str(text).split("x"))] = (1024, 1024)
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    n: Annotated[int, Field(ge=1, le=1)] = 1
    response_format: Literal["b64_json"] = "b64_json"
    negative_prompt: str = ""
    guidance_scale: Annotated[float, Field(ge=0, le=20)] = 7.5
    num_inference_steps: Annotated[int, Field(ge=1, le=200)] = 28
    lora: Annotated[float, Field(ge=0, le=2), BeforeValidator(_scale)] = 1.0

    @property
    def wish(self) -> Wish:
        """What is drawn; many steps make it rich."""
        return Wish(
            self.prompt, self.seed, *self.size, self.num_inference_steps >= 40, self.negative_prompt,
            self.guidance_scale, self.lora,
        )  # fmt: skip


async def _generate(request: Request) -> Response:
    body = ImageRequest.model_validate_json(await request.body())
    return await _respond(partial(generate_image, body.wish))


async def _edit(request: Request) -> Response:
    async with request.form() as form:
        body = ImageRequest.model_validate(dict(form))
        photos, masks = form.getlist("image") + form.getlist("image[]"), form.getlist("mask_image")
        files = [await each.read() for each in photos + masks if isinstance(each, UploadFile)]
    repaint, edit = partial(repaint_image, body.wish, *files), partial(edit_image, body.wish, files)
    return await _respond(repaint if masks else edit)


async def _respond(draw: Callable[[], bytes]) -> Response:
    encoded = base64.b64encode(await to_thread.run_sync(draw, limiter=_busy)).decode()
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

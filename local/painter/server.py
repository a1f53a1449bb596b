"""Speaks the OpenAI images protocol, so that the painter is talked to like any model server.

Shapes: https://platform.openai.com/docs/api-reference/images
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from local.painter.paint import UnreadableReferenceError, paint_edit, paint_generation

GENERATE_MODEL = "painter-generate"
EDIT_MODEL = "painter-edit"
MAX_REFERENCES = 4
_MIN_SIDE_PIXELS, _MAX_SIDE_PIXELS = 256, 4096


class PainterError(Exception):
    """A request the painter refuses; becomes OpenAI's `{"error": {message, type, param, code}}`."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code


def _check_size(size: str) -> str:
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size, re.ASCII)
    if not match or not all(_MIN_SIDE_PIXELS <= int(side) <= _MAX_SIDE_PIXELS for side in match.groups()):
        raise ValueError(
            f"expected WxH with both sides from {_MIN_SIDE_PIXELS} to {_MAX_SIDE_PIXELS}, got {size!r}"
        )
    return size


class Order(BaseModel):
    """What both endpoints are asked for."""

    model: str
    prompt: Annotated[str, Field(min_length=1)]
    size: Annotated[str, AfterValidator(_check_size)] = "1024x1024"
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    n: Annotated[int, Field(ge=1, le=1)] = 1
    response_format: Literal["b64_json", "png"] = "b64_json"

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height."""
        width, height = self.size.split("x")
        return int(width), int(height)


class GenerationOrder(Order):
    """The JSON body of a generation."""

    reasoning: Literal["low", "high"] = "low"


_AnyOrder = TypeVar("_AnyOrder", bound=Order)


def build_app(token: str | None) -> FastAPI:
    """The painter's application; with a token, every request must carry it as a bearer token."""

    easels = CapacityLimiter(os.cpu_count() or 1)

    def authorize(request: Request) -> None:
        given = request.headers.get("authorization", "").encode()
        if token is not None and not hmac.compare_digest(given, f"Bearer {token}".encode()):
            raise PainterError(401, "Incorrect API key provided.", code="invalid_api_key")

    app = FastAPI(title="painter", dependencies=[Depends(authorize)], openapi_url=None)

    @app.exception_handler(PainterError)
    async def refuse(_: Request, error: PainterError) -> JSONResponse:
        return _answer_error(error.status, error.message, error.param, error.code)

    @app.exception_handler(HTTPException)
    async def refuse_route(_: Request, error: HTTPException) -> JSONResponse:
        return _answer_error(error.status_code, error.detail)

    @app.get("/v1/models")
    async def list_models() -> dict[str, Any]:
        models = [
            {"id": name, "object": "model", "created": 0, "owned_by": "painter"}
            for name in (GENERATE_MODEL, EDIT_MODEL)
        ]
        return {"object": "list", "data": models}

    @app.post("/v1/images/generations")
    async def generate(request: Request) -> Response:
        order = _read_order(GenerationOrder, await _read_json(request), GENERATE_MODEL)
        picture = await to_thread.run_sync(
            paint_generation, order.prompt, order.seed, *order.pixels, order.reasoning, limiter=easels
        )
        return _answer_picture(picture, order.response_format)

    @app.post("/v1/images/edits")
    async def edit(request: Request) -> Response:
        async with request.form(max_files=2 * MAX_REFERENCES) as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            order = _read_order(Order, fields, EDIT_MODEL)
            parts = [*form.getlist("image"), *form.getlist("image[]")]
            references = [await part.read() for part in parts if isinstance(part, UploadFile)]
        if not 1 <= len(references) <= MAX_REFERENCES:
            raise PainterError(
                400, f"expected 1 to {MAX_REFERENCES} image files, got {len(references)}", "image"
            )
        try:
            picture = await to_thread.run_sync(
                paint_edit, order.prompt, order.seed, *order.pixels, references, limiter=easels
            )
        except UnreadableReferenceError as error:
            raise PainterError(400, str(error), "image", "invalid_image") from error
        return _answer_picture(picture, order.response_format)

    return app


async def _read_json(request: Request) -> Mapping[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise PainterError(400, "the body is not valid JSON") from error
    if not isinstance(body, dict):
        raise PainterError(400, "the body is not a JSON object")
    return body


def _read_order(kind: type[_AnyOrder], fields: Mapping[str, Any], served_model: str) -> _AnyOrder:
    try:
        order = kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        param = str(first["loc"][0])
        raise PainterError(
            400, f"{param}: {first['msg'].removeprefix('Value error, ')}", param, first["type"]
        ) from error
    if order.model != served_model:
        raise PainterError(404, f"The model {order.model!r} does not exist here.", "model", "model_not_found")
    return order


def _answer_picture(picture: bytes, response_format: str) -> Response:
    if response_format == "png":
        return Response(picture, media_type="image/png")
    return JSONResponse(
        {"created": int(time.time()), "data": [{"b64_json": base64.b64encode(picture).decode()}]}
    )


def _answer_error(
    status: int, message: str, param: str | None = None, code: str | None = None
) -> JSONResponse:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return JSONResponse({"error": error}, status)

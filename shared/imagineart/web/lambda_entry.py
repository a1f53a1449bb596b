"""The way in and out of a function: an API Gateway event becomes one request, one answer and one log line."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import pybase64
from aws_lambda_powertools import Logger
from mangum import Mangum
from mangum.handlers import APIGateway
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from imagineart.domain.errors import ImagineArtError, InternalError, UnknownRequestError
from imagineart.domain.orders import Picture
from imagineart.domain.parameters import EndpointParameters
from imagineart.web.access import Access, rate_limit_headers
from imagineart.web.errors import error_response
from imagineart.web.forms import Form, parse_form

LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]

RESERVED_SECONDS: Final = 3.0
"""What is kept of the function's time for finishing a picture, or for answering that the deadline passed."""


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request, as an endpoint sees it."""

    request: Request
    log_fields: dict[str, Any]

    @property
    def deadline_seconds(self) -> float:
        """How long the backend may take: the function's remaining time less what is reserved."""
        remaining_ms: int = self.request.scope["aws.context"].get_remaining_time_in_millis()
        return max(0.0, remaining_ms / 1000 - RESERVED_SECONDS)

    async def read_form(self, parameters: EndpointParameters) -> Form:
        """The request's form. Raises InvalidRequestError."""
        content_type = self.request.headers.get("content-type", "")
        return parse_form(content_type, await self.request.body(), parameters)

    def answer_picture(self, picture: Picture) -> Response:
        """The PNG, and in its headers what was made."""
        made = {
            "X-Seed": str(picture.seed),
            "X-Model": picture.model_id,
            "X-Image-Width": str(picture.size.width),
            "X-Image-Height": str(picture.size.height),
        }
        self.log_fields.update(
            model=picture.model_id,
            seed=picture.seed,
            size=str(picture.size),
            image_bytes=len(picture.png),
            backend_ms=round(picture.backend_seconds * 1000),
        )
        return Response(picture.png, media_type="image/png", headers=made)


Endpoint = Callable[[Call], Awaitable[Response]]


def authenticated_handler(
    method: str, path: str, endpoint: Endpoint, *, access: Access, logger: Logger
) -> LambdaHandler:
    """A Lambda handler that lets authenticated callers within their limit through to `endpoint`.

    Every failure becomes the error envelope; every answer carries X-Request-Id, and the rate limit's headers
    once the caller is known.
    """

    async def answer(request: Request) -> Response:
        started = time.monotonic()
        request_id: str = request.scope["aws.event"]["requestContext"]["requestId"]
        call = Call(request, {"request_id": request_id, "method": method, "path": path})
        headers = {"X-Request-Id": request_id}
        try:
            caller = access.identify(request.headers)
            call.log_fields.update(consumer=caller.consumer.id, token_id=caller.token_id)
            status = access.count(caller.consumer)
            headers |= rate_limit_headers(status)
            access.refuse_over_limit(status)
            response = await endpoint(call)
        except ImagineArtError as error:
            call.log_fields.update(code=error.code, field=getattr(error, "field", None), detail=error.detail)
            response = error_response(error, request_id)
        except Exception as error:
            logger.exception("unexpected failure", request_id=request_id)
            call.log_fields.update(code=InternalError.code, detail=type(error).__name__)
            response = error_response(InternalError(), request_id)
        response.headers.update(headers)
        duration_ms = round((time.monotonic() - started) * 1000)
        logger.info("request", **call.log_fields, status=response.status_code, duration_ms=duration_ms)
        return response

    app = Starlette(
        routes=[Route(path, answer, methods=[method])],
        exception_handlers={HTTPException: _answer_unknown_request},
    )
    return Mangum(app, lifespan="off", custom_handlers=[_FastApiGateway])


def _answer_unknown_request(request: Request, _: Exception) -> Response:
    request_id = request.scope["aws.event"]["requestContext"]["requestId"]
    response = error_response(UnknownRequestError("No endpoint answers this path and method."), request_id)
    response.headers["X-Request-Id"] = request_id
    return response


class _FastApiGateway(APIGateway):
    """Mangum's reading of a REST proxy event, with the body decoded by pybase64 (a fiftieth of the time)."""

    @property
    def body(self) -> bytes:
        body = self.event.get("body") or b""
        if self.event.get("isBase64Encoded"):
            return pybase64.b64decode(body, validate=True)
        return body if isinstance(body, bytes) else body.encode()

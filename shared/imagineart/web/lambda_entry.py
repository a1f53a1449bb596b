"""The way in and out of a function: an API Gateway event becomes one request, one answer and one log line."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from aws_lambda_powertools import Logger
from mangum import Mangum
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
from imagineart.web.gateway_events import ApiGatewayEvent
from imagineart.web.picture_stream import PIECES_EXTENSION, PictureStream, picture_headers

LambdaHandler = Callable[[dict[str, Any], Any], Any]

RESERVED_SECONDS: Final = 5.0
"""What is kept of the function's time for finishing a picture, or for answering that the deadline passed."""


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request, as an endpoint sees it."""

    request: Request
    consumer_id: str
    log_fields: dict[str, Any]

    @property
    def deadline_seconds(self) -> float:
        """How long the backend may take: the function's remaining time less what is reserved."""
        remaining_ms: int = self.request.scope["aws.context"].get_remaining_time_in_millis()
        return max(0.0, remaining_ms / 1000 - RESERVED_SECONDS)

    async def read_form(self, parameters: EndpointParameters, *, accepts_json: bool = False) -> Form:
        """The request's form. Raises InvalidRequestError."""
        content_type = self.request.headers.get("content-type", "")
        return parse_form(content_type, await self.request.body(), parameters, accepts_json=accepts_json)

    def answer_picture(self, picture: Picture) -> Response:
        """The PNG, and in its headers what was made; whole where the way out cannot stream it."""
        self.log_fields.update(
            model=picture.model_id,
            seed=picture.seed,
            size=str(picture.size),
            backend=picture.backend,
            backend_ms=round(picture.backend_seconds * 1000),
        )
        if PIECES_EXTENSION in self.request.scope.get("extensions", {}):
            return PictureStream(picture)
        png = b"".join(picture.png)
        self.log_fields.update(image_bytes=len(png))
        return Response(png, media_type="image/png", headers=picture_headers(picture))


Endpoint = Callable[[Call], Awaitable[Response]]


def authenticated_handler(
    method: str, path: str, endpoint: Endpoint, *, access: Access, logger: Logger, streaming: bool
) -> LambdaHandler:
    """A Lambda handler that lets authenticated callers within their limit through to `endpoint`.

    Every failure becomes the error envelope; every answer carries X-Request-Id, and the rate limit's headers
    once the caller is known. With `streaming`, which needs the streaming runtime, every answer is a stream.
    """

    async def answer(request: Request) -> Response:
        started = time.monotonic()
        request_id: str = request.scope["aws.event"]["requestContext"]["requestId"]
        log_fields: dict[str, Any] = {"request_id": request_id, "method": method, "path": path}
        headers = {"X-Request-Id": request_id}
        try:
            caller = access.identify(request.headers)
            log_fields.update(consumer=caller.consumer.id, token_id=caller.token_id)
            status = access.count(caller.consumer)
            headers |= rate_limit_headers(status)
            access.refuse_over_limit(status)
            response = await endpoint(Call(request, caller.consumer.id, log_fields))
        except ImagineArtError as error:
            log_fields.update(code=error.code, field=getattr(error, "field", None), detail=error.detail)
            response = error_response(error, request_id)
        except Exception as error:
            logger.exception("unexpected failure", request_id=request_id)
            log_fields.update(code=InternalError.code, detail=type(error).__name__)
            response = error_response(InternalError(), request_id)
        response.headers.update(headers)

        def log_end(**more: Any) -> None:
            duration_ms = round((time.monotonic() - started) * 1000)
            fields = log_fields | more
            logger.info("request", **fields, status=response.status_code, duration_ms=duration_ms)

        if isinstance(response, PictureStream):
            response.on_end = log_end
        else:
            log_end()
        return response

    app = Starlette(
        routes=[Route(path, answer, methods=[method])],
        exception_handlers={HTTPException: _answer_unknown_request},
    )
    if streaming:
        from imagineart.web.streaming_entry import StreamingEntry

        return StreamingEntry(app)
    return Mangum(app, lifespan="off", custom_handlers=[ApiGatewayEvent])


def _answer_unknown_request(request: Request, _: Exception) -> Response:
    request_id = request.scope["aws.event"]["requestContext"]["requestId"]
    response = error_response(UnknownRequestError("No endpoint answers this path and method."), request_id)
    response.headers["X-Request-Id"] = request_id
    return response

"""The way in and out of a function: an API Gateway event becomes one request, one answer and one log line."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aws_lambda_powertools import Logger
from mangum import Mangum
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from imagineart.domain.errors import ImagineArtError, InternalError, InvalidRequestError, UnknownRequestError
from imagineart.domain.openai_parameters import read_series
from imagineart.domain.orders import Picture, SeriesRequest
from imagineart.domain.parameters import EndpointParameters
from imagineart.domain.ports import Clock
from imagineart.web.accepted_types import prefers_json
from imagineart.web.access import Access, rate_limit_headers
from imagineart.web.errors import error_response
from imagineart.web.forms import Form, is_form, parse_form
from imagineart.web.gateway_events import ApiGatewayEvent
from imagineart.web.openai_answers import SeriesStream
from imagineart.web.picture_stream import PIECES_EXTENSION, PictureStream, PieceStream

LambdaHandler = Callable[[dict[str, Any], Any], Any]

RESERVED_SECONDS: Final = 5.0
"""What is kept of the function's time for finishing a picture, or for answering that the deadline passed."""


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request, as an endpoint sees it."""

    request: Request
    consumer_id: str
    log_fields: dict[str, Any]
    clock: Clock

    @property
    def deadline_seconds(self) -> float:
        """How long the backend may take: the function's remaining time less what is reserved."""
        remaining_ms: int = self.request.scope["aws.context"].get_remaining_time_in_millis()
        return max(0.0, remaining_ms / 1000 - RESERVED_SECONDS)

    @property
    def is_reference_form(self) -> bool:
        """Whether it is what the API reference describes: a form to be answered with the PNG itself."""
        return is_form(self._content_type) and not self._wants_json

    @property
    def _content_type(self) -> str:
        return self.request.headers.get("content-type", "")

    @property
    def _wants_json(self) -> bool:
        accept = self.request.headers.get("accept", "")
        return prefers_json(accept, otherwise=not is_form(self._content_type))

    async def read_form(self, parameters: EndpointParameters, *, accepts_json: bool = False) -> Form:
        """The request's form. Raises InvalidRequestError."""
        return parse_form(
            self._content_type, await self.request.body(), parameters, accepts_json=accepts_json
        )

    async def read_openai_form(self, parameters: EndpointParameters) -> tuple[SeriesRequest, Form]:
        """What a form or a JSON body in OpenAI's words asks for. Raises InvalidRequestError."""
        form = await self.read_form(parameters, accepts_json=True)
        series = read_series(parameters, form.fields)
        if series.count > 1 and not self._wants_json:
            raise InvalidRequestError(
                "n", f"got {series.count}; allowed is 1 where Accept prefers image/png to application/json."
            )
        return series, form

    def answer_picture(self, picture: Picture) -> Response:
        """The PNG, and in its headers what was made; whole where the way out cannot stream it."""
        return self._answer_pieces([picture], PictureStream(picture))

    def answer_series(self, pictures: Sequence[Picture]) -> Response:
        """The pictures inside JSON, or, where the caller prefers it, the one picture as `answer_picture`."""
        if not self._wants_json:
            return self.answer_picture(pictures[0])
        self.log_fields.update(pictures=len(pictures))
        return self._answer_pieces(pictures, SeriesStream(pictures, int(self.clock())))

    def _answer_pieces(self, pictures: Sequence[Picture], stream: PieceStream) -> Response:
        first = pictures[0]
        self.log_fields.update(
            model=first.model_id,
            seed=first.seed,
            size=str(first.size),
            backend=stream.headers["X-Backend"],
            backend_ms=round(sum(picture.backend_seconds for picture in pictures) * 1000),
        )
        if PIECES_EXTENSION in self.request.scope.get("extensions", {}):
            return stream
        content = b"".join(stream.body_pieces)
        self.log_fields.update(image_bytes=stream.body_pieces.image_bytes)
        return Response(content, headers=dict(stream.headers))


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
            response = await endpoint(Call(request, caller.consumer.id, log_fields, access.clock))
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

        if isinstance(response, PieceStream):
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

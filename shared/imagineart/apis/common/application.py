"""The FastAPI application of a function, and the Lambda handler around it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import pybase64
from fastapi import APIRouter, FastAPI
from mangum import Mangum
from mangum.handlers import APIGateway
from mangum.types import ASGI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagineart.apis.common.route import ErrorFormat
from imagineart.apis.common.services import Services
from imagineart.errors import ImagineArtError, InternalError, UnknownRequestError

LambdaHandler: TypeAlias = Callable[[dict[str, Any], Any], Any]

STREAMING_VARIABLE: Final = "LAMBDA_RESPONSE_STREAMING"
"""The streaming layer's wrapper sets it to 1."""


def create_application(router: APIRouter, services: Services, error_format: ErrorFormat) -> FastAPI:
    """An application of one router. A trailing slash is the same route, and nothing is redirected."""
    app = FastAPI(
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers={HTTPException: _respond_unknown, Exception: _respond_failed},
    )
    app.state.services = services
    app.state.error_format = error_format
    app.include_router(router)
    return app


def lambda_handler(app: ASGIApp, variables: Mapping[str, str]) -> LambdaHandler:
    """The handler of an application: streamed where the streaming layer is active, else through Mangum."""
    served = _without_trailing_slash(app)
    if variables.get(STREAMING_VARIABLE) == "1":
        from lambda_response_streaming.asgi import StreamingHandler

        return StreamingHandler(served)
    return Mangum(_with_late_body(served), lifespan="off", custom_handlers=[_EventWithLateBody])


async def _respond_unknown(request: Request, _: Exception) -> Response:
    return _error_response(request, UnknownRequestError("No endpoint has this path and method."))


async def _respond_failed(request: Request, error: Exception) -> Response:
    """For a failure outside of every route. Starlette raises it again after the response."""
    services: Services = request.app.state.services
    services.logger.exception("unexpected failure", request_id=_request_id(request))
    return _error_response(request, InternalError(detail=type(error).__name__))


def _error_response(request: Request, error: ImagineArtError) -> Response:
    error_format: ErrorFormat = request.app.state.error_format
    return error_format(error, _request_id(request))


def _request_id(request: Request) -> str:
    request_id: str = request.scope["aws.event"]["requestContext"]["requestId"]
    return request_id


def _without_trailing_slash(app: ASGIApp) -> ASGI:
    # API Gateway routes /x/ to /x and keeps the slash in the event's path.
    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        await app({**scope, "path": path.rstrip("/") or "/"}, receive, send)

    return respond


class _EventWithLateBody(APIGateway):
    """Mangum's reading of a REST proxy event, without the decoding of its body.

    X-Forwarded-Port, which nothing uses, is left out: Mangum fails on a list, as several proxies make it.
    Source: https://github.com/Kludex/mangum/issues/303
    """

    @property
    def scope(self) -> Scope:
        headers = {
            field: {
                name: value for name, value in self.event[field].items() if name.lower() != "x-forwarded-port"
            }
            for field in ("headers", "multiValueHeaders")
            if self.event.get(field)
        }
        read = APIGateway({**self.event, **headers}, self.context, self.config)
        return {**read.scope, "aws.event": self.event}

    @property
    def body(self) -> bytes:
        return b""


def _with_late_body(app: ASGI) -> ASGI:
    """Decode the body only when the application asks for it, so that a refused request costs no decoding."""

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_decoded() -> Message:
            message = await receive()
            if message["type"] != "http.request":
                return message
            return {**message, "body": _decode_body(scope["aws.event"])}

        await app(scope, receive_decoded, send)

    return respond


def _decode_body(event: dict[str, Any]) -> bytes:
    body: str = event.get("body") or ""
    return pybase64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()

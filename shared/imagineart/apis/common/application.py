"""The way in and out of a function: an event becomes a request, and an answer what Lambda takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mangum import Mangum
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from imagineart.errors import UnknownRequestError
from imagineart.access.tokens import Operation
from imagineart.apis.common.route import Afterwards, AnswerRequest, Endpoint, Gate
from imagineart.apis.imagineart.errors import error_response
from imagineart.apis.common.gateway_events import ApiGatewayEvent

LambdaHandler = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a function runs under: with `is_extended`, the runtime of the streaming layer."""

    is_extended: bool
    log_prompts: bool = False


def authenticated_handler(
    operation: Operation, endpoint: Endpoint, gate: Gate, runtime: Runtime
) -> LambdaHandler:
    """A Lambda handler that lets authenticated callers within their limits through to `endpoint`.

    Every failure becomes the error envelope; every answer carries X-Request-Id, and a limit's headers once
    the caller is known. Under the extended runtime, operations on images are streamed, and requests are
    settled when they are answered; else before.
    """
    afterwards = Afterwards(gate.logger)

    answer_request = AnswerRequest(operation, endpoint, gate, runtime.log_prompts, afterwards)

    async def answer(request: Request) -> Response:
        return await answer_request(request)

    app = Starlette(
        routes=[Route(operation.path, answer, methods=[operation.method])],
        exception_handlers={HTTPException: _answer_unknown_request},
    )
    if runtime.is_extended and operation.model is not None:
        from imagineart.web.streaming_entry import StreamingEntry

        return StreamingEntry(app, afterwards)
    buffered: LambdaHandler = Mangum(app, lifespan="off", custom_handlers=[ApiGatewayEvent])
    if runtime.is_extended:
        from imagineart.web.streaming_entry import followed_by

        return followed_by(buffered, afterwards)

    def answer_at_last(event: dict[str, Any], context: Any) -> Any:
        answered = buffered(event, context)
        afterwards()
        return answered

    return answer_at_last


def _answer_unknown_request(request: Request, _: Exception) -> Response:
    request_id = request.scope["aws.event"]["requestContext"]["requestId"]
    response = error_response(UnknownRequestError("No endpoint answers this path and method."), request_id)
    response.headers["X-Request-Id"] = request_id
    return response

"""The way of a request: authentication, limits, the endpoint, settlement, one log line.

FastAPI parses a body before its dependencies run, so authentication is a route class: a wrong token costs
neither the decoding of the body's base64 nor its parsing (docs/decisions/0004).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar, Final, TypeAlias

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from imagineart.access.limits import LEASE_MARGIN_SECONDS
from imagineart.apis.common.authorization import (
    authenticate,
    rate_limit_headers,
    require_scope,
)
from imagineart.apis.common.call import RESERVED_SECONDS, Call, RequestRecord
from imagineart.apis.common.finish_call import record_error, report, settle
from imagineart.apis.common.operation import Operation
from imagineart.errors import ImagineArtError, InternalError, ModelTimeoutError
from imagineart.usage.metrics import Stage

ErrorFormat: TypeAlias = Callable[[ImagineArtError, str], Response]
"""Makes an API's error response of an error and the request id."""

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


_OVERTIME_SECONDS: Final = 1.0
"""A backend's own deadline comes first, so that a backend that hangs is counted as failed."""


class OperationRoute(APIRoute):
    """A route of one operation, which subclasses name.

    The application's state holds the services and the error format.
    """

    operation: ClassVar[Operation]

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint behind authentication and limits, where its operation needs them.

        It never raises an Exception.
        """
        endpoint = super().get_route_handler()

        async def respond(request: Request) -> Response:
            call = _begin(request, self.operation)
            request.state.call = call
            try:
                response = await _respond(call, endpoint)
            finally:
                if not call.is_streaming:
                    settle(call)
            response.headers.update(call.record.headers)
            if not call.is_streaming:
                report(call, response.status_code)
            return response

        return respond


def authenticated(operation: Operation) -> type[OperationRoute]:
    """The route class of an operation."""
    return type("Route", (OperationRoute,), {"operation": operation})


def unauthenticated(name: str) -> type[OperationRoute]:
    """The route class of an operation that needs no token, and is not counted."""
    return authenticated(Operation(name, scope=None))


def _begin(request: Request, operation: Operation) -> Call:
    call = Call(request, operation, request.app.state.services, RequestRecord({}, {}))
    call.record.headers["X-Request-Id"] = call.request_id
    call.record.log_fields.update(method=request.method, path=call.path, request_id=call.request_id)
    return call


async def _respond(call: Call, endpoint: Endpoint) -> Response:
    seconds = max(0.0, call.remaining_seconds - RESERVED_SECONDS + _OVERTIME_SECONDS)
    try:
        async with asyncio.timeout(seconds):
            _admit(call)
            return await endpoint(call.request)
    except TimeoutError:
        return _error_response(call, ModelTimeoutError(deadline_seconds=seconds))
    except ImagineArtError as error:
        return _error_response(call, error)
    except Exception as error:
        call.services.logger.exception("unexpected failure", request_id=call.request_id)
        return _error_response(call, InternalError(detail=type(error).__name__))


def _admit(call: Call) -> None:
    """Authenticate the caller and count the request.

    A request for images takes a slot at once, unless it may turn out to be a replay or wants a job.
    """
    record, services, scope = call.record, call.services, call.operation.scope
    if scope is None:
        return
    token = call.operation.token_of(call.request)
    call.caller = authenticate(services.authenticator, token, call.request.headers)
    record.log_fields.update(consumer=call.caller.consumer_id, token_id=call.caller.token_id)
    require_scope(call.caller, scope, call.operation.other_scope)
    may_be_replay = call.idempotency_key is not None
    takes_slot = call.operation.of_models is not None and not may_be_replay and not call.is_async
    call.admission = services.limits.enter(
        call.caller.consumer_id,
        lease_seconds=call.remaining_seconds + LEASE_MARGIN_SECONDS if takes_slot else None,
    )
    record.seconds_by_stage[Stage.ADMISSION] = record.seconds
    record.headers |= rate_limit_headers(call.admission.status)


def _error_response(call: Call, error: ImagineArtError) -> Response:
    record_error(call, error)
    error_format: ErrorFormat = call.request.app.state.error_format
    return error_format(error, call.request_id)

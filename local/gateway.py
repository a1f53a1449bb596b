"""A stand-in for API Gateway that follows template.yaml and enforces AWS's limits.

Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
and https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

import json
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from local.environments import (
    FunctionCrashError,
    FunctionFleet,
    FunctionTimeoutError,
    IntegrationTimeoutError,
    TooManyEnvironmentsError,
)
from local.function_variables import function_variables
from local.proxy_events import (
    BodyStream,
    HttpRequest,
    HttpResponse,
    build_proxy_event,
    read_proxy_response,
    read_streamed_response,
)
from local.template import GatewayResponse, Route, Template

MAX_BODY_BYTES: Final = 10 * 1024 * 1024
MAX_HEADERS_BYTES: Final = 10_240
MAX_PAYLOAD_BYTES: Final = 6_291_556
"""The largest event and the largest buffered response of a synchronous Lambda invocation."""

_DIRECT_CALL_SECONDS: Final = 900.0
_PLAIN: Final = GatewayResponse(None, {}, '{"message":$context.error.messageString}')
_DEFAULT_STATUS: Final = {
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "INVALID_SIGNATURE": 403,
    "REQUEST_TOO_LARGE": 413,
    "INTEGRATION_TIMEOUT": 504,
    "DEFAULT_4XX": 400,
    "DEFAULT_5XX": 500,
}


class Gateway:
    """Routes requests to functions as the deployed API does."""

    def __init__(
        self,
        template: Template,
        references: Mapping[str, str],
        runtime_variables: Mapping[str, str],
        *,
        on_cold_start: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`references` resolves the template's Refs; `runtime_variables` are those that Lambda sets."""
        self._routes = template.routes
        self._responses = template.gateway_responses
        self._template = template
        self.variables = {
            name: function_variables(function, references, runtime_variables)
            for name, function in template.functions.items()
        }
        self._fleets = {
            name: FunctionFleet(function, self.variables[name], on_cold_start=on_cold_start)
            for name, function in template.functions.items()
        }

    @property
    def websocket_function(self) -> str:
        """The function that gets the messages of the WebSocket API."""
        return self._template.websocket_function

    def respond(self, request: HttpRequest) -> HttpResponse:
        """The response that a client of the deployed API would get."""
        if sum(len(name) + len(value) for name, value in request.headers) > MAX_HEADERS_BYTES:
            return self._refuse("DEFAULT_4XX", request, "Request header fields too large")
        if len(request.body) > MAX_BODY_BYTES:
            return self._refuse("REQUEST_TOO_LARGE", request, "Request Too Long")
        matched = find_route(self._routes, request.method, request.path)
        if matched is None and request.header("authorization"):
            message = "Not a valid key=value pair (missing equal-sign) in Authorization header"
            return self._refuse("INVALID_SIGNATURE", request, message)
        if matched is None:
            return self._refuse("MISSING_AUTHENTICATION_TOKEN", request, "Missing Authentication Token")
        route, path_parameters = matched
        event = build_proxy_event(request, resource=route.path, path_parameters=path_parameters)
        if len(json.dumps(event)) > MAX_PAYLOAD_BYTES:
            return self._refuse("REQUEST_TOO_LARGE", request, "Request Too Long")
        try:
            fleet = self._fleets[route.function_id]
            returned = fleet.invoke(event, wait_seconds=route.integration_timeout_seconds)
            response = _read_response(route, returned)
        except IntegrationTimeoutError:
            return self._refuse("INTEGRATION_TIMEOUT", request, "Endpoint request timed out")
        except (FunctionCrashError, FunctionTimeoutError, TooManyEnvironmentsError, TypeError, ValueError):
            traceback.print_exc(file=sys.stderr)
            return self._refuse("DEFAULT_5XX", request, "Internal server error")
        return _without_body(response) if request.method == "HEAD" else response

    def invoke(
        self, function_id: str, event: dict[str, Any], *, wait_seconds: float = _DIRECT_CALL_SECONDS
    ) -> Any:
        """What a function returns to a direct caller such as a schedule. Raises what its fleet raises."""
        return self._fleets[function_id].invoke(event, wait_seconds=wait_seconds)

    def close(self) -> None:
        """Let every environment end."""
        for fleet in self._fleets.values():
            fleet.close()

    def _refuse(self, kind: str, request: HttpRequest, message: str) -> HttpResponse:
        styled = self._responses.get(kind, _PLAIN)
        body = styled.body.replace("$context.requestId", request.request_id)
        body = body.replace("$context.error.messageString", json.dumps(message))
        headers = {"content-type": "application/json"} | {
            name.lower(): request.request_id if value == "context.requestId" else value.strip("'")
            for name, value in styled.headers.items()
        }
        return HttpResponse(styled.status or _DEFAULT_STATUS[kind], tuple(headers.items()), body.encode())


def find_route(routes: list[Route], method: str, path: str) -> tuple[Route, dict[str, str] | None] | None:
    """The route for a request, and its path parameters: the most exact path, then the exact method.

    As on API Gateway, a trailing slash changes nothing, and a known path does not fall back to the greedy one
    for a method that it lacks.
    """
    matches = [
        (route, found.groupdict())
        for route in routes
        if (found := _path_pattern(route.path).fullmatch(path.rstrip("/") or "/"))
    ]
    best = min((_vagueness(route.path) for route, _ in matches), default=None)
    for route, parameters in sorted(matches, key=lambda match: match[0].method == "ANY"):
        if _vagueness(route.path) == best and route.method in (method, "ANY"):
            return route, parameters or None
    return None


def _vagueness(path: str) -> tuple[int, int]:
    """Smaller for a more exact path; of two greedy ones the longer is more exact."""
    return path.count("{") + 2 * path.count("+}"), -path.count("/")


@cache
def _path_pattern(path: str) -> re.Pattern[str]:
    greedy = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", path)
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", greedy))


def _read_response(route: Route, returned: Any) -> HttpResponse:
    """The HTTP response in the route's transfer mode. Raises ValueError if API Gateway would refuse it."""
    if not isinstance(returned, BodyStream):
        payload = json.dumps(returned)
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"{route.function_id} returned more than {MAX_PAYLOAD_BYTES} bytes")
        if not route.is_streamed:
            return read_proxy_response(returned)
        return read_streamed_response(iter([payload.encode()]))
    try:
        if not route.is_streamed:
            raise ValueError(f"{route.function_id} streamed to a buffered integration")
        return read_streamed_response(returned)
    except ValueError:
        returned.close()
        raise


def _without_body(response: HttpResponse) -> HttpResponse:
    if isinstance(response.body, BodyStream):
        response.body.close()
    return HttpResponse(response.status, response.headers, b"")

"""A stand-in for API Gateway that follows template.yaml and enforces AWS's limits.

Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
and https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

import json
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.environments import (
    FunctionCrashError,
    FunctionFleet,
    FunctionTimeoutError,
    IntegrationTimeoutError,
    StreamedAnswer,
    TooManyEnvironmentsError,
)
from local.function_variables import function_variables
from local.proxy_events import (
    BodyStream,
    HttpAnswer,
    HttpRequest,
    MalformedProxyAnswerError,
    build_proxy_event,
    read_proxy_answer,
    read_streamed_answer,
)
from local.template import GatewayResponse, Route, Template

MAX_BODY_BYTES: Final = 10 * 1024 * 1024
MAX_HEADERS_BYTES: Final = 10_240
MAX_PAYLOAD_BYTES: Final = 6_291_556
"""The largest event and the largest buffered answer of a synchronous Lambda invocation."""

_UNBOUNDED_SECONDS: Final = 900.0
"""Nobody is impatient but the function's own time-out."""

_DEFAULT_STATUS: Final = {
    "MISSING_AUTHENTICATION_TOKEN": 403,
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
        """`references` resolves the template's Refs; `runtime_variables` are what Lambda itself would set."""
        self._routes = template.routes
        self._responses = template.gateway_responses
        self._fleets = {
            name: FunctionFleet(
                function,
                function_variables(function, references, runtime_variables),
                on_cold_start=on_cold_start,
            )
            for name, function in template.functions.items()
        }

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """The answer that a client of the deployed API would get."""
        if sum(len(name) + len(value) for name, value in request.headers) > MAX_HEADERS_BYTES:
            return self._respond("DEFAULT_4XX", request, "Request header fields too large")
        if len(request.body) > MAX_BODY_BYTES:
            return self._respond("REQUEST_TOO_LARGE", request, "Request Too Long")
        matched = find_route(self._routes, request.method, request.path)
        if matched is None:
            return self._respond_unrouted(request)
        route, path_parameters = matched
        event = build_proxy_event(request, resource=route.path, path_parameters=path_parameters)
        if len(json.dumps(event)) > MAX_PAYLOAD_BYTES:
            return self._respond("REQUEST_TOO_LARGE", request, "Request Too Long")
        try:
            returned = self._fleets[route.function_id].invoke(
                event, wait_seconds=route.integration_timeout_seconds
            )
            answer = _read_answer(route, returned)
        except IntegrationTimeoutError:
            return self._respond("INTEGRATION_TIMEOUT", request, "Endpoint request timed out")
        except (
            FunctionCrashError,
            FunctionTimeoutError,
            TooManyEnvironmentsError,
            MalformedProxyAnswerError,
            TypeError,
            ValueError,
        ):
            traceback.print_exc(file=sys.stderr)
            return self._respond("DEFAULT_5XX", request, "Internal server error")
        return _without_body(answer) if request.method == "HEAD" else answer

    def invoke(self, function_id: str, event: dict[str, Any]) -> Any:
        """What a function answers to whoever calls it directly, as a schedule does. Raises as its fleet."""
        return self._fleets[function_id].invoke(event, wait_seconds=_UNBOUNDED_SECONDS)

    def wait_until_idle(self) -> None:
        """Return when what functions do after their answers is done."""
        for fleet in self._fleets.values():
            fleet.wait_until_idle()

    def close(self) -> None:
        """Let every environment end."""
        for fleet in self._fleets.values():
            fleet.close()

    def _respond_unrouted(self, request: HttpRequest) -> HttpAnswer:
        if request.header("authorization"):
            return self._respond(
                "DEFAULT_4XX",
                request,
                "Not a valid key=value pair (missing equal-sign) in Authorization header",
            )
        return self._respond("MISSING_AUTHENTICATION_TOKEN", request, "Missing Authentication Token")

    def _respond(self, kind: str, request: HttpRequest, message: str) -> HttpAnswer:
        styled = self._responses.get(kind) or GatewayResponse(
            None, {}, '{"message":$context.error.messageString}'
        )
        body = styled.body.replace("$context.requestId", request.request_id)
        body = body.replace("$context.error.messageString", json.dumps(message))
        headers = {"content-type": "application/json"} | {
            name.lower(): request.request_id if value == "context.requestId" else value.strip("'")
            for name, value in styled.headers.items()
        }
        return HttpAnswer(styled.status or _DEFAULT_STATUS[kind], tuple(headers.items()), body.encode())


def _read_answer(route: Route, returned: Any) -> HttpAnswer:
    """The HTTP answer in the form that the route's transfer mode wants. Raises MalformedProxyAnswerError."""
    if isinstance(returned, StreamedAnswer):
        try:
            if not route.is_streamed:
                raise MalformedProxyAnswerError(f"{route.function_id} streamed to a buffered integration")
            return read_streamed_answer(returned)
        except MalformedProxyAnswerError:
            returned.close()
            raise
    payload = json.dumps(returned)
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise MalformedProxyAnswerError(f"{route.function_id} answered more than {MAX_PAYLOAD_BYTES} bytes")
    return (
        read_streamed_answer(iter([payload.encode()])) if route.is_streamed else read_proxy_answer(returned)
    )


def _without_body(answer: HttpAnswer) -> HttpAnswer:
    if isinstance(answer.body, BodyStream):
        answer.body.close()
    return HttpAnswer(answer.status, answer.headers, b"")


def find_route(routes: list[Route], method: str, path: str) -> tuple[Route, dict[str, str] | None] | None:
    """The route for a request: the most specific path first, then the exact method before ``ANY``.

    As on API Gateway, a trailing slash makes no difference, and a known path does not fall back to a less
    specific one for a method that it lacks.
    """
    matched = [(route, found) for route in routes if (found := _match(route.path, path.rstrip("/") or "/"))]
    most_specific = min((_variables(route.path) for route, _ in matched), default=0)
    for route, found in sorted(matched, key=lambda each: each[0].method == "ANY"):
        if _variables(route.path) == most_specific and route.method in (method, "ANY"):
            return route, found.groupdict() or None
    return None


def _match(route_path: str, path: str) -> re.Match[str] | None:
    pattern = re.sub(
        r"\{(\w+)(\+?)\}", lambda name: f"(?P<{name[1]}>{'.+' if name[2] else '[^/]+'})", route_path
    )
    return re.fullmatch(pattern, path)


def _variables(route_path: str) -> int:
    """A greedy variable counts twice."""
    return route_path.count("{") + route_path.count("+")

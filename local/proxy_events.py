"""HTTP requests as the proxy events of API Gateway's REST APIs, and a function's response as HTTP.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, unquote

from pydantic import BaseModel, Field, StrictStr

ACCOUNT_ID: Final = "123456789012"
STAGE: Final = "local"
MAX_PRELUDE_BYTES: Final = 16 * 1024

_DELIMITER: Final = b"\0" * 8


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it reaches the gateway; `path` is percent-encoded, header names are as sent."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str = "127.0.0.1"
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def header(self, name: str) -> str | None:
        """The last value of a header, or None."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return values[-1] if values else None


class BodyStream(Iterator[bytes]):
    """A body that arrives in pieces; a reader that stops before the end closes it."""

    def __init__(self, begun: bytes, rest: Iterator[bytes]) -> None:
        self._begun = begun
        self._rest = rest

    def __next__(self) -> bytes:
        begun, self._begun = self._begun, b""
        return begun or next(self._rest)

    def close(self) -> None:
        """Read no further."""
        if close := getattr(self._rest, "close", None):
            close()


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What the gateway sends back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes | BodyStream


def build_proxy_event(
    request: HttpRequest, *, resource: str, path_parameters: dict[str, str] | None
) -> dict[str, Any]:
    """The event for the function; with ``*/*`` as binary media type, every body is in base64."""
    headers = _with_gateway_headers(request)
    query = parse_qsl(request.query, keep_blank_values=True)
    now = time.time()
    return {
        "resource": resource,
        "path": unquote(request.path),
        "httpMethod": request.method,
        "headers": dict(headers) or None,
        "multiValueHeaders": _grouped(headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _grouped(query),
        "pathParameters": path_parameters,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": "local",
            "domainName": request.header("host") or "localhost",
            "extendedRequestId": request.request_id,
            "httpMethod": request.method,
            "identity": {"sourceIp": request.source_ip, "userAgent": request.header("user-agent")},
            # As with a domain of one's own: without the stage.
            "path": unquote(request.path),
            "protocol": "HTTP/1.1",
            "requestId": request.request_id,
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "requestTimeEpoch": int(now * 1000),
            "resourcePath": resource,
            "stage": STAGE,
        },
        "body": base64.b64encode(request.body).decode() if request.body else None,
        "isBase64Encoded": bool(request.body),
    }


class _Head(BaseModel):
    """Status and headers of a response, named as API Gateway names them."""

    status: Annotated[int, Field(alias="statusCode", ge=100, le=599)]
    single: Annotated[dict[str, Any] | None, Field(alias="headers")] = None
    multi: Annotated[dict[str, list[Any]] | None, Field(alias="multiValueHeaders")] = None

    def pairs(self) -> list[tuple[str, str]]:
        """Every header with each of its values; a name in `multi` outranks the same one in `single`."""
        multi = self.multi or {}
        single = {name: [value] for name, value in (self.single or {}).items() if name not in multi}
        return [(name, str(value)) for name, values in {**single, **multi}.items() for value in values]


class _BufferedResponse(_Head):
    body: StrictStr | None = None
    is_base64: Annotated[bool, Field(alias="isBase64Encoded")] = False


class _Prelude(_Head, extra="forbid"):
    cookies: list[str] | None = None


def read_proxy_response(returned: Any) -> HttpResponse:
    """The HTTP response for a function's return value. Raises ValueError if API Gateway would refuse it."""
    response = _BufferedResponse.model_validate(returned)
    text = response.body or ""
    body = base64.b64decode(text, validate=True) if response.is_base64 else text.encode()
    return HttpResponse(response.status, tuple(response.pairs()), body)


def read_streamed_response(pieces: Iterator[bytes]) -> HttpResponse:
    """The HTTP response that a function streams: a prelude, eight NULs within 16 KiB, and the body.

    Raises ValueError if API Gateway would refuse it. Source:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
    """
    begun = b""
    while _DELIMITER not in begun[:MAX_PRELUDE_BYTES]:
        piece = next(pieces, b"")
        if not piece or len(begun) >= MAX_PRELUDE_BYTES:
            raise ValueError(f"no delimiter within {MAX_PRELUDE_BYTES} bytes")
        begun += piece
    text, _, body = begun.partition(_DELIMITER)
    prelude = _Prelude.model_validate_json(text)
    cookies = [("set-cookie", cookie) for cookie in prelude.cookies or []]
    return HttpResponse(prelude.status, (*prelude.pairs(), *cookies), BodyStream(body, pieces))


def _with_gateway_headers(request: HttpRequest) -> list[tuple[str, str]]:
    """The client's headers and those that API Gateway adds.

    A client's own X-Forwarded-Proto is kept, as if the operator had a proxy in front: so plain HTTP can be
    tried on a laptop.
    """
    added = {
        "X-Forwarded-For": request.source_ip,
        "X-Forwarded-Port": "443",
        "X-Amzn-Trace-Id": f"Root=1-{int(time.time()):x}-{uuid.uuid4().hex[:24]}",
    }
    if request.header("x-forwarded-proto") is None:
        added["X-Forwarded-Proto"] = "https"
    names = {name.lower() for name in added}
    return [*(pair for pair in request.headers if pair[0].lower() not in names), *added.items()]


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]] | None:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped or None

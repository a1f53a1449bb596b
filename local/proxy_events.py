"""HTTP requests as API Gateway's REST proxy events, and proxy answers as HTTP.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

ACCOUNT_ID: Final = "123456789012"
STAGE: Final = "local"
MAX_PRELUDE_BYTES: Final = 16 * 1024

_DELIVERY_DELIMITER: Final = b"\0" * 8
_PRELUDE_KEYS: Final = frozenset({"statusCode", "headers", "multiValueHeaders", "cookies"})


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


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What the gateway sends back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: "bytes | BodyStream"


class BodyStream(Iterator[bytes]):
    """A body that arrives in pieces; whoever stops reading before its end closes it."""

    def __init__(self, begun: bytes, rest: Iterator[bytes]) -> None:
        self._begun = begun
        self._rest = rest

    def __next__(self) -> bytes:
        begun, self._begun = self._begun, b""
        return begun or next(self._rest)

    def close(self) -> None:
        """Read no further."""
        close = getattr(self._rest, "close", None)
        if close is not None:
            close()


class MalformedProxyAnswerError(ValueError):
    """A function returned something that API Gateway would not accept."""


def build_proxy_event(
    request: HttpRequest, *, resource: str, path_parameters: dict[str, str] | None
) -> dict[str, Any]:
    """The event that API Gateway hands to the function; with ``*/*`` as binary type every body is base64."""
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
            "path": f"/{STAGE}{unquote(request.path)}",
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


def read_proxy_answer(answer: Any) -> HttpAnswer:
    """The HTTP answer that a function's return value stands for. Raises MalformedProxyAnswerError."""
    if not isinstance(answer, dict) or not _is_status(answer.get("statusCode")):
        raise MalformedProxyAnswerError("no integer statusCode")
    body = answer.get("body") or ""
    if not isinstance(body, str):
        raise MalformedProxyAnswerError("the body is not a string")
    single: dict[str, Any] = answer.get("headers") or {}
    multi: dict[str, list[Any]] = answer.get("multiValueHeaders") or {}
    if not (isinstance(single, dict) and isinstance(multi, dict)):
        raise MalformedProxyAnswerError("the headers are no objects")
    if not all(isinstance(values, list) for values in multi.values()):
        raise MalformedProxyAnswerError("the multiValueHeaders hold something that is no list")
    headers = [(name, str(value)) for name, value in single.items() if name not in multi]
    headers += [(name, str(value)) for name, values in multi.items() for value in values]
    try:
        content = base64.b64decode(body, validate=True) if answer.get("isBase64Encoded") else body.encode()
    except ValueError as error:
        raise MalformedProxyAnswerError("the body is not base64") from error
    return HttpAnswer(int(answer["statusCode"]), tuple(headers), content)


def read_streamed_answer(pieces: Iterator[bytes]) -> HttpAnswer:
    """The HTTP answer that a streaming function writes: prelude, eight NULs within 16 KiB, body.

    Raises MalformedProxyAnswerError. Source:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
    """
    begun = b""
    while _DELIVERY_DELIMITER not in begun[:MAX_PRELUDE_BYTES]:
        piece = next(pieces, b"")
        if not piece or len(begun) >= MAX_PRELUDE_BYTES:
            raise MalformedProxyAnswerError(f"no delimiter within {MAX_PRELUDE_BYTES} bytes")
        begun += piece
    prelude, _, body = begun.partition(_DELIVERY_DELIMITER)
    try:
        metadata = json.loads(prelude)
    except ValueError as error:
        raise MalformedProxyAnswerError("the prelude is not JSON") from error
    if not isinstance(metadata, dict) or not metadata.keys() <= _PRELUDE_KEYS:
        raise MalformedProxyAnswerError(f"the prelude may hold {', '.join(sorted(_PRELUDE_KEYS))} alone")
    head = read_proxy_answer({**metadata, "body": ""})
    cookies = metadata.get("cookies") or []
    if not isinstance(cookies, list):
        raise MalformedProxyAnswerError("the cookies are no list")
    headers = (*head.headers, *(("set-cookie", str(cookie)) for cookie in cookies))
    return HttpAnswer(head.status, headers, BodyStream(body, pieces))


def _is_status(value: Any) -> bool:
    return (isinstance(value, int) or (isinstance(value, str) and value.isdigit())) and 100 <= int(
        value
    ) <= 599


def _with_gateway_headers(request: HttpRequest) -> list[tuple[str, str]]:
    """The headers API Gateway adds. A client's own X-Forwarded-Proto stands, as if a proxy of the operator's
    were in front, so that plain HTTP can be tried out on a laptop.
    """
    ours = {
        "X-Forwarded-For": request.source_ip,
        "X-Forwarded-Port": "443",
        "X-Amzn-Trace-Id": f"Root=1-{int(time.time()):x}-{uuid.uuid4().hex[:24]}",
    }
    if request.header("x-forwarded-proto") is None:
        ours["X-Forwarded-Proto"] = "https"
    names = {name.lower() for name in ours}
    return [(name, value) for name, value in request.headers if name.lower() not in names] + list(
        ours.items()
    )


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]] | None:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped or None

"""What callers rely on and only a deployment shows: large responses, readers that leave, S3, plain HTTP."""

import base64
from typing import Any, Final

import httpx

from cli.acceptance.model import Finding, Subject, failed, held, not_shown
from imagineart.access.tokens import TokenKind
from imagineart.errors import InternalError
from imagineart.images.kinds import PNG
from imagineart.images.png import read_png

BUFFERED_BYTES: Final = 10 * 1024 * 1024
"""What API Gateway passes on without streaming. Source:
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
"""

_GENERATIONS: Final = "/v1/images/generations"
_AS_PNG: Final = {"Accept": PNG.media_type}
# Noise cannot be compressed, and 16:9 has the most pixels.
_LARGE: Final = {
    "prompt": "Colourful noise: each pixel has a random colour.",
    "aspect_ratio": "16:9",
    "resolution": "2K",
}
_SERIES: Final = 3
_PLAIN_HTTP_SECONDS: Final = 5.0
_SEE_LOGS: Final = "Search the logs for the request: docs/operating.md#logs."


def deliver_a_large_image(subject: Subject) -> Finding:
    """An image above what API Gateway buffers arrives whole; if the model makes none, a series does."""
    response = _responds(subject.client.post(_GENERATIONS, json=_LARGE, headers=_AS_PNG))
    size, received = read_png(response.content).size, len(response.content)
    if received > BUFFERED_BYTES:
        return held(f"a PNG of {size.width}x{size.height} and {received:,} bytes arrived whole")
    series = _responds(subject.client.post(_GENERATIONS, json={**_LARGE, "n": _SERIES}))
    for each in series.json()["data"]:
        read_png(base64.b64decode(each["b64_json"]))
    seen = f"the image had {received:,} bytes, a response with {_SERIES} images {len(series.content):,}"
    if len(series.content) > BUFFERED_BYTES:
        return held(f"{seen}, and both arrived whole")
    return failed(
        seen, "The backend's images have no detail. Look at one, or repeat this with another model."
    )


def survive_a_reader_that_leaves(subject: Subject) -> Finding:
    """A response whose reader leaves before its end is counted, and holds no slot."""
    before = _images_counted(subject)
    with subject.client.stream("POST", _GENERATIONS, json=_LARGE, headers=_AS_PNG) as response:
        if response.is_error:
            response.read()
        next(_responds(response).iter_raw(), b"")
    counted = _images_counted(subject) - before
    # The next request is refused for its resolution, or for the consumer's one slot if that is still taken.
    code = _error_of(_request_an_error(subject))["code"]
    seen = f"images counted: {counted}; the next request got {code}"
    if (counted, code) == (1, "invalid_request"):
        return held(seen)
    return failed(seen, f"Expected 1 image and invalid_request. {_SEE_LOGS}")


def respond_with_an_error(subject: Subject) -> Finding:
    """An error of a streamed route arrives with its status and in the API's error format."""
    response = _request_an_error(subject)
    error = _error_of(response)
    seen = f"status {response.status_code}, {error['code']}: {error['message']}"
    has_id = error["request_id"] == response.headers.get("X-Request-Id")
    if (response.status_code, error["code"], has_id) == (400, "invalid_request", True):
        return held(seen)
    return failed(seen, f"Expected status 400, invalid_request and an equal X-Request-Id. {_SEE_LOGS}")


def refuse_an_upload_of_another_length(subject: Subject) -> Finding:
    """S3 takes an upload of the granted length alone."""
    content = b"an upload of the acceptance test"
    form = {"content_type": PNG.media_type, "size": str(len(content))}
    granted = _responds(subject.client.post("/v1/uploads", data=form)).json()
    longer, exact = (
        _put(granted, each, through_proxies=subject.stack is not None) for each in (content + b"!", content)
    )
    if (longer, exact) == (403, 200):
        return held("S3 refused one byte more with 403, and took the granted length")
    signed = httpx.URL(granted["url"]).params.get("X-Amz-SignedHeaders", "")
    if subject.stack is None and exact == 200 and "content-length" in signed:
        return not_shown("the URL signs the length, but the local stand-in for S3 checks no signatures")
    seen = f"S3 responded with {longer} to one byte more and {exact} to the granted length; signed: {signed}"
    return failed(seen, "Expected 403 and 200. Check the bucket, its policy, and the clock of the function.")


def revoke_a_token_sent_over_plain_http(subject: Subject) -> Finding:
    """The host serves no plain HTTP, and a token that a proxy in front received over it is revoked."""
    if _serves_plain_http(subject.client.base_url):
        return failed("the API responds over plain HTTP", "Close port 80 of what is in front of the API.")
    token, _ = subject.services.manage_tokens.issue(subject.consumer_id, TokenKind.PARTNER, life_days=1)
    statuses = [
        subject.client.get(
            "/v1/models", headers={"Authorization": f"Bearer {token.text}", **each}
        ).status_code
        for each in ({}, {"X-Forwarded-Proto": "http"}, {})
    ]
    if statuses == [200, 401, 401]:
        return held("a token that a proxy received over plain HTTP was refused and revoked")
    if statuses == [200, 200, 200] and subject.stack is not None:
        return not_shown("the host serves no plain HTTP, and API Gateway hides a client's X-Forwarded-Proto")
    seen = f"statuses before, over plain HTTP and after: {', '.join(map(str, statuses))}"
    return failed(seen, f"Expected 200, 401, 401. {_SEE_LOGS}")


def _put(granted: dict[str, Any], content: bytes, *, through_proxies: bool) -> int:
    """The status of S3's response."""
    url, headers = granted["url"], granted["headers"]
    return httpx.put(url, headers=headers, content=content, timeout=60, trust_env=through_proxies).status_code


def _serves_plain_http(base_url: httpx.URL) -> bool:
    """Whether a host of HTTPS responds without it too; no token is sent."""
    if base_url.scheme != "https":
        return False
    url = base_url.copy_with(scheme="http", port=None).join("v1/health")
    try:
        return httpx.get(url, timeout=_PLAIN_HTTP_SECONDS).is_success
    except httpx.TransportError:
        return False


def _request_an_error(subject: Subject) -> httpx.Response:
    return subject.client.post(_GENERATIONS, json={"prompt": "a boat", "resolution": "3K"})


def _images_counted(subject: Subject) -> int:
    rows = subject.services.report_usage.rows(consumer_id=subject.consumer_id, first_day=None, last_day=None)
    return sum(row.images for row in rows)


def _responds(response: httpx.Response) -> httpx.Response:
    """The response if it is no error. Raises InternalError with what it says."""
    if response.is_error:
        raise InternalError(detail=_shown(response))
    return response


def _error_of(response: httpx.Response) -> dict[str, str]:
    """The error in the API's format. Raises InternalError for another response, with what it says."""
    try:
        error = response.json()["error"]
        return {name: str(error[name]) for name in ("code", "message", "request_id")}
    except (ValueError, LookupError, TypeError) as malformed:
        raise InternalError(detail=f"no error of the API: {_shown(response)}") from malformed


def _shown(response: httpx.Response) -> str:
    return f"status {response.status_code}: {response.text[:300]}"

"""What is special about another deployment as the backend; the rest is in tests/conformance."""

import asyncio
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from imagineart.backends.http import HttpClient
from imagineart.backends.imagineart_api import MAX_INLINE_BYTES, ImagineArtBackend
from imagineart.errors import (
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitedError,
    RequestRefusedError,
)
from imagineart.images.kinds import JPEG, PNG
from imagineart.images.model import ImageRequest, ReferenceImage
from imagineart.images.sizes import Size, output_size
from tests.conformance.imagineart_deployment import api_error
from tests.fault_backend import Delivery, FaultBackend, RecordedRequest, Response, document, page, raw_image
from tests.sample_images import sample
from tests.unit.backends.conftest import Fail, Generate

SIZE = output_size("3:2", "1K")
SMALL = (ReferenceImage(b"first", PNG, SIZE), ReferenceImage(b"second", JPEG, SIZE))
AN_IMAGE = sample("png")
GENERATION = ImageRequest("a fox 🦊 at “night”\r\n", SIZE, seed=2**63 - 1, reasoning="high")
UPLOAD_ID = f"upl_{'0aZ' * 17}"


class OtherDeployment(FaultBackend):
    """Grants uploads, takes them, and sends an image for every other request."""

    def generate(self, request: RecordedRequest) -> Response:
        if request.path == "/v1/uploads":
            number = sum(each.path == "/v1/uploads" for each in self.requests)
            return self.grant(f"{UPLOAD_ID[:-1]}{number}")
        return Response(200, "", b"") if request.method == "PUT" else raw_image(AN_IMAGE)

    def grant(self, upload_id: str = UPLOAD_ID, **changes: Any) -> Response:
        """The response of POST /v1/uploads; storage is another host, as far as HTTP can see."""
        port = self.origin.rpartition(":")[2]
        granted = {
            "id": upload_id,
            "method": "PUT",
            "url": f"http://localhost:{port}/bucket/{upload_id}?X-Amz-Signature=a%2Fb&x=1",
            "headers": {"Content-Type": "image/png"},
            "expires_at": "2026-11-21T09:00:00+00:00",
        }
        return document(granted | changes)

    def paths(self) -> list[str]:
        """Method and path of every request, in order."""
        return [f"{request.method} {request.path.partition('?')[0]}" for request in self.requests]


@pytest.fixture
def server() -> Iterator[OtherDeployment]:
    with OtherDeployment() as running:
        yield running


@pytest.fixture
def backend(server: OtherDeployment, http: HttpClient) -> ImagineArtBackend:
    return ImagineArtBackend(http, server.base_url, lambda: "the-token")


def edit(*references: ReferenceImage) -> ImageRequest:
    return replace(GENERATION, references=references)


def of_bytes(size: int, fill: bytes = b"x") -> ReferenceImage:
    """A reference with a content of `size` bytes."""
    return ReferenceImage(fill * size, JPEG, SIZE)


LARGE_EDIT = edit(of_bytes(5_000_000))


def test_requests_are_forms_of_the_public_contract(
    server: OtherDeployment, backend: ImagineArtBackend, generate: Generate
) -> None:
    generate(backend, GENERATION)
    generate(backend, edit(*SMALL))
    generation, edited = server.requests
    fields = {"prompt": GENERATION.prompt, "aspect_ratio": "3:2", "resolution": "1K", "seed": str(2**63 - 1)}
    assert server.paths() == ["POST /v1/images/generations", "POST /v1/images/edits"]
    assert generation.fields == {**fields, "reasoning": "high"}
    assert edited.fields == fields
    assert [(file.content, file.content_type) for file in edited.files] == [
        (b"first", "image/png"), (b"second", "image/jpeg"),
    ]  # fmt: skip
    assert generation.headers["accept"] == edited.headers["accept"] == "image/png"


@pytest.mark.parametrize(
    "request_",
    [replace(GENERATION, size=Size(64, 48)), replace(edit(*SMALL), size=output_size("1:4", "2K"))],
    ids=["no size of the API", "no ratio of edits"],
)
def test_a_size_that_the_api_does_not_make_is_not_asked_for(
    server: OtherDeployment, backend: ImagineArtBackend, failure: Fail, request_: ImageRequest
) -> None:
    assert type(failure(backend, request_)) is ModelNotAvailableError
    assert server.connections == 0


@pytest.mark.parametrize(
    ("header", "has_seed"),
    [({}, True), ({"X-Seed-Supported": "False"}, False), ({"X-Seed-Supported": "true"}, True)],
)
def test_a_seed_is_claimed_only_where_the_model_behind_the_deployment_used_it(
    server: OtherDeployment, backend: ImagineArtBackend, generate: Generate, header: dict[str, str], has_seed
) -> None:
    server.script(replace(raw_image(AN_IMAGE), headers=header))
    assert generate(backend, GENERATION).has_seed is has_seed


# References that are too large for a form


def test_references_that_fit_together_go_with_the_form(
    server: OtherDeployment, backend: ImagineArtBackend, generate: Generate
) -> None:
    generate(backend, edit(of_bytes(MAX_INLINE_BYTES - 10), of_bytes(10)))
    assert server.paths() == ["POST /v1/images/edits"]
    assert len(server.requests[0].body) < 4_400_000


def test_a_reference_that_is_too_large_is_uploaded_and_named_in_its_place(
    server: OtherDeployment, backend: ImagineArtBackend, generate: Generate
) -> None:
    large = of_bytes(MAX_INLINE_BYTES, b"L")
    generate(backend, edit(SMALL[0], large, SMALL[1]))
    asked, put, edited = server.requests
    upload_id = f"{UPLOAD_ID[:-1]}1"
    assert server.paths() == ["POST /v1/uploads", f"PUT /bucket/{upload_id}", "POST /v1/images/edits"]
    assert asked.json == {"content_type": "image/jpeg", "size": MAX_INLINE_BYTES}
    assert put.body == large.content
    assert put.path.endswith("?X-Amz-Signature=a%2Fb&x=1")
    assert put.headers["content-type"] == "image/png", "the headers that were granted"
    assert [part.content for part in edited.parts if part.name == "images"] == [
        SMALL[0].content, upload_id.encode(), SMALL[1].content,
    ]  # fmt: skip
    tokens = [request.headers.get("authorization") for request in server.requests]
    assert tokens == ["Bearer the-token", None, "Bearer the-token"], "the storage never sees the token"


@pytest.mark.parametrize(
    ("sizes", "uploaded"),
    [
        ([MAX_INLINE_BYTES + 1], [0]),
        ([3_000_000, 3_000_000], [0]),
        ([1_000_000, 3_000_000, 500_000], [1]),
        ([3_000_000, 100, 4_000_000, 3_100_000], [2, 3]),
        ([5_000_000, 6_000_000, 5_000_000, 6_000_000], [0, 1, 2, 3]),
    ],
)
def test_as_few_references_as_possible_are_uploaded(
    server: OtherDeployment,
    backend: ImagineArtBackend,
    generate: Generate,
    sizes: list[int],
    uploaded: list[int],
) -> None:
    generate(backend, edit(*(of_bytes(size, bytes([position])) for position, size in enumerate(sizes))))
    images = [part for part in server.requests[-1].parts if part.name == "images"]
    assert [position for position, part in enumerate(images) if part.filename is None] == uploaded
    puts = [request.body[:1] for request in server.requests if request.method == "PUT"]
    assert puts == [bytes([position]) for position in uploaded]


def test_a_grant_that_cannot_be_followed_is_a_failure(
    server: OtherDeployment, backend: ImagineArtBackend, failure: Fail
) -> None:
    unusable: list[dict[str, Any]] = [
        {"url": "ftp://localhost/a"}, {"url": "/a"}, {"url": "http://"}, {"url": 7}, {"url": "http://[/"},
        {"url": "http://a..b/"}, {"url": "http://localhost:99999/"}, {"url": f"http://{'a' * 64}/"},
        {"url": server.origin + "/a\r\nX: y"},
        {"headers": []}, {"headers": {"X-A": 1}}, {"headers": {"X-A": "a\r\nX-B: c"}},
        {"headers": {"X A": "a"}}, {"headers": {"": "a"}}, {"headers": {"X-A": "ü"}},
        {"id": None}, {"id": ""}, {"id": "upl 1"}, {"id": "upl_1\r\n"},
    ]  # fmt: skip
    for changes in unusable:
        server.script(server.grant(**changes))
        assert isinstance(failure(backend, LARGE_EDIT), ModelError), changes
    for granted in (Response(), document([]), document({}), page(), Response(body=b"[" * 70_000)):
        server.script(granted)
        assert type(failure(backend, LARGE_EDIT)) is ModelError
    assert set(server.paths()) == {"POST /v1/uploads"}


@pytest.mark.parametrize(
    ("url", "is_followed"),
    [
        ("http://storage.example.com/a", False), ("https://127.0.0.1/a", False),
        ("https://10.0.0.7/a", False), ("https://169.254.169.254/a", False), ("https://[::1]/a", False),
        ("https://LOCALHOST./a", False), ("https://192.168.1.1:8443/a", False),
        ("https://bucket.s3.eu-central-1.amazonaws.com/a", True),
    ],
)  # fmt: skip
def test_a_public_deployment_cannot_name_a_place_in_a_private_network(
    server: OtherDeployment, url: str, is_followed: bool
) -> None:
    reached: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        reached.append(str(request.url))
        return httpx.Response(200, content=server.grant(url=url).body)

    http = HttpClient(httpx.MockTransport(respond))
    backend = ImagineArtBackend(http, "https://api.example.com/v1", lambda: None)
    with pytest.raises(ModelError):
        asyncio.run(backend.generate(LARGE_EDIT))
    assert (url in reached) is is_followed


@pytest.mark.parametrize(
    "response",
    [Response(403, "application/xml", b"<Error/>"), Response(307), Response(delivery=Delivery.RESET)],
    ids=["403", "307", "reset"],
)
def test_without_its_upload_a_request_is_not_sent(
    server: OtherDeployment, backend: ImagineArtBackend, failure: Fail, response: Response
) -> None:
    server.script(server.grant(), response)
    assert type(failure(backend, LARGE_EDIT)) is ModelError
    assert len(server.requests) == 2


def test_a_refused_upload_and_an_unreachable_storage_are_the_errors_that_they_are(
    server: OtherDeployment, backend: ImagineArtBackend, failure: Fail
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}/a"
    server.script(api_error(429, "rate_limited", headers={"Retry-After": "9"}), server.grant(url=nowhere))
    limited = failure(backend, LARGE_EDIT)
    assert (type(limited), getattr(limited, "retry_after_seconds", 0)) == (RateLimitedError, 9)
    assert type(failure(backend, LARGE_EDIT)) is ModelUnavailableError


# What goes wrong

POLICY = "the model refused it under its content policy."
ERRORS = [
    (api_error(401, "missing_bearer_token"), ModelAuthError),
    (api_error(502, "model_auth_error"), ModelAuthError),
    (api_error(503, "no_tokens_configured"), ModelAuthError),
    (page(403), ModelAuthError),
    (api_error(404, "unknown_request"), ModelNotAvailableError),
    (page(404), ModelNotAvailableError),
    (page(429), RateLimitedError),
    (api_error(504, "timeout"), ModelTimeoutError),
    (api_error(400, "invalid_request", f"prompt: {POLICY}"), InvalidRequestError),
    (api_error(400, "invalid_request", f"images: {POLICY}"), InvalidRequestError),
    (api_error(400, "invalid_request", f"seed: {POLICY}"), RequestRefusedError),
    (api_error(400, "invalid_request", "prompt: got nothing"), RequestRefusedError),
    (api_error(400, "invalid_image", "images[0]: the content is text."), RequestRefusedError),
    (api_error(502, "model_error", headers={"X-Should-Retry": "false"}), RequestRefusedError),
    (api_error(502, "model_error"), ModelError),
    (api_error(500, "internal_error"), ModelError),
    (Response(503), ModelUnavailableError),
    (api_error(418, "never_seen"), ModelError),
    (document({"error": "a text"}, 500), ModelError),
    (document({"error": {"code": 7, "message": []}}, 500), ModelError),
    (document({"id": "a document"}), ModelError),
]


@pytest.mark.parametrize(
    ("response", "expected"),
    ERRORS,
    ids=lambda value: value.__name__ if isinstance(value, type) else f"{value.status} {value.body[:60]!a}",
)
def test_every_bad_response_becomes_its_error(
    server: OtherDeployment, backend: ImagineArtBackend, failure: Fail, response: Response, expected
) -> None:
    server.script(response)
    error = failure(backend, GENERATION)
    assert type(error) is expected, error.detail


def test_the_log_has_code_field_and_request_but_nothing_that_may_quote_the_caller(
    server: OtherDeployment, backend: ImagineArtBackend, failure: Fail
) -> None:
    refused = api_error(400, "invalid_request", "aspect_ratio: got 'a fox'", {"X-Request-Id": "11-aa"})
    unknown = api_error(400, "invalid_request", "a fox: got 'a fox'")
    odd = api_error(400, "a fox\n", json.dumps({}), {"X-Request-Id": "a fox"})
    server.script(refused, unknown, odd)
    details = [str(failure(backend, GENERATION).detail) for _ in range(3)]
    assert details[0] == (
        "the deployment responded 400 with code 'invalid_request' about aspect_ratio, request '11-aa'"
    )
    assert details[1] == "the deployment responded 400 with code 'invalid_request', request '6a0b3c'"
    assert "fox" not in details[2]

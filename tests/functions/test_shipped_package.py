"""Everything that is deployed works with nothing beside it, and without what was left out."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from tests.sample_images import decode, encode, gradient, sample
from tests.unit.adapters.test_images import ink_that_prints_gray, wide_gamut

from imagineart.access.tokens import Token
from local.cloud import runtime_variables
from local.function_variables import function_variables
from local.template import load_template
from tests.fault_backend import RecordedRequest, json_image
from tests.functions.deployment import Deployment, open_png
from tests.functions.generating_backend import GeneratingBackend, colour_of, image_file
from tests.functions.shipped_functions import Reply, Shipped, ShippedFunction, running_function, ship

pytest.importorskip("awslambdaric", reason="AWS publishes its runtime client for Linux")

FUNCTIONS = {function.code.name: function for function in load_template().functions.values()}
REFERENCES = {
    "PNG": sample("png"),
    "PNG with transparency": sample("png", mode="RGBA"),
    "PNG of 16 bits": encode(Image.new("I;16", (64, 48), 30_000), "png"),
    "PNG with a palette": encode(gradient(64, 48).quantize(16), "png"),
    "PNG with a colour profile": encode(gradient(64, 48), "png", icc_profile=wide_gamut()),
    "JPEG": sample("jpeg"),
    "JPEG in CMYK": encode(gradient(64, 48).convert("CMYK"), "jpeg"),
    "JPEG in CMYK with a colour profile": encode(
        gradient(64, 48).convert("CMYK"), "jpeg", icc_profile=ink_that_prints_gray()
    ),
    "JPEG of two images": encode(gradient(64, 48), "mpo", save_all=True, append_images=[gradient(64, 48)]),
    "WebP": sample("webp"),
    "WebP with transparency": encode(gradient(64, 48, "RGBA"), "webp", lossless=True),
    "HEIC": sample("heic"),
}
BACKEND_PICTURES = {
    "another size": {"kind": "PNG"},
    "JPEG": {"kind": "JPEG"},
    "JPEG with a colour profile": {"kind": "JPEG", "icc_profile": wide_gamut()},
    "WebP": {"kind": "WEBP"},
}


def turned(content: Image.Image, kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    return encode(content, kind, exif=exif.tobytes())


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    return ship(tmp_path_factory.mktemp("shipped"))


@pytest.fixture
def run(shipped: Shipped, api: Deployment) -> Iterator[Callable[[str], ShippedFunction]]:
    """Starts a function; it ends with the test."""
    contexts = []

    def start(name: str) -> ShippedFunction:
        variables = function_variables(FUNCTIONS[name], api.references, runtime_variables(api.cloud_url))
        contexts.append(running_function(shipped, name, variables))
        return contexts[-1].__enter__()

    yield start
    for context in contexts:
        context.__exit__(None, None, None)


@pytest.fixture
def token(api: Deployment) -> Token:
    return api.issue_token()


def post(token: Token, path: str, **request: Any) -> httpx.Request:
    headers = {"Authorization": f"Bearer {token.text}", **request.pop("headers", {})}
    return httpx.Request("POST", f"https://api.local{path}", headers=headers, **request)


def generation(token: Token, headers: dict[str, str] | None = None, **fields: str) -> httpx.Request:
    form = {"prompt": "a lighthouse", "resolution": "1K"} | fields
    files = {name: (None, text) for name, text in form.items()}
    return post(token, "/v1/images/generations", files=files, headers=headers or {})


def edit(token: Token, *images: bytes | str) -> httpx.Request:
    parts: list[Any] = [
        ("images", (None, image) if isinstance(image, str) else ("image", image)) for image in images
    ]
    fields = [("prompt", (None, "at dusk")), ("resolution", (None, "1K"))]
    return post(token, "/v1/images/edits", files=[*parts, *fields])


def assert_image(reply: Reply, prompt: str) -> None:
    assert reply.status == 200, reply.content
    pixel = open_png(reply.content).convert("RGB").getpixel((9, 9))
    assert isinstance(pixel, tuple)
    assert all(abs(one - other) <= 4 for one, other in zip(pixel, colour_of(prompt), strict=True)), pixel


def test_a_image_is_made_from_text(run: Callable[[str], ShippedFunction], token: Token) -> None:
    assert_image(run("generate_image").send(generation(token)), "a lighthouse")


def test_json_is_answered_as_openai_does(run: Callable[[str], ShippedFunction], token: Token) -> None:
    request = post(token, "/v1/images/generations", json={"prompt": "a lighthouse", "size": "1024x1024"})
    reply = run("generate_image").send(request)
    assert reply.status == 200, reply.content
    assert json.loads(reply.content)["data"][0]["b64_json"]


@pytest.mark.parametrize("kind", BACKEND_PICTURES)
def test_a_image_of_another_kind_or_size_is_made_fit(
    run: Callable[[str], ShippedFunction], token: Token, backend: GeneratingBackend, kind: str
) -> None:
    def generated(_: RecordedRequest) -> Any:
        return json_image(image_file((640, 480), "a lighthouse", **BACKEND_PICTURES[kind]))

    backend.reply = generated
    reply = run("generate_image").send(generation(token))
    assert reply.status == 200, reply.content
    assert open_png(reply.content).size == (1024, 1024)


def test_a_request_is_answered_once_under_its_key(
    run: Callable[[str], ShippedFunction], token: Token, backend: GeneratingBackend
) -> None:
    function = run("generate_image")
    first, second = (function.send(generation(token, {"Idempotency-Key": "order-1"})) for _ in range(2))
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"
    assert len(backend.requests) == 1


def test_references_of_every_kind_are_read(
    run: Callable[[str], ShippedFunction], token: Token, backend: GeneratingBackend
) -> None:
    function = run("edit_image")
    for content in REFERENCES.values():
        assert_image(function.send(edit(token, content)), "at dusk")
    assert len(backend.requests) == len(REFERENCES)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "heif"])
def test_the_orientation_of_a_photograph_is_read(
    run: Callable[[str], ShippedFunction], token: Token, backend: GeneratingBackend, kind: str
) -> None:
    assert run("edit_image").send(edit(token, turned(gradient(64, 48), kind))).status == 200
    (sent,) = backend.requests[0].files
    assert decode(sent.content).size == (48, 64)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "heic"])
def test_a_damaged_reference_is_refused(
    run: Callable[[str], ShippedFunction], token: Token, kind: str
) -> None:
    reply = run("edit_image").send(edit(token, sample(kind)[:-200]))
    assert (reply.status, json.loads(reply.content)["error"]["code"]) == (400, "invalid_image")


def test_an_upload_is_granted_and_then_edited(run: Callable[[str], ShippedFunction], token: Token) -> None:
    content = sample("jpeg")
    asked = {"content_type": "image/jpeg", "size": str(len(content))}
    granted = json.loads(run("request_upload").send(post(token, "/v1/uploads", data=asked)).content)
    put = httpx.put(granted["url"], headers=granted["headers"], content=content, trust_env=False)
    assert put.status_code == 200
    assert_image(run("edit_image").send(edit(token, granted["id"])), "at dusk")


def test_the_models_are_listed(run: Callable[[str], ShippedFunction], token: Token) -> None:
    headers = {"Authorization": f"Bearer {token.text}"}
    reply = run("list_models").send(httpx.Request("GET", "https://api.local/v1/models", headers=headers))
    assert {each["id"] for each in json.loads(reply.content)["data"]} == {"text-to-image", "image-edit"}


def test_the_tokens_are_reviewed(run: Callable[[str], ShippedFunction], token: Token) -> None:
    assert run("review_tokens").invoke({}) == {"live": 1, "due": [], "ending": []}


def test_no_function_is_left_untried(shipped: Shipped) -> None:
    text = Path(__file__).read_text()
    assert [name for name in shipped.tasks if f'"{name}"' not in text] == []


@pytest.mark.parametrize("token_text", ["x", None])
def test_a_wrong_token_is_refused(
    run: Callable[[str], ShippedFunction], token: Token, token_text: str | None
) -> None:
    headers = {"Authorization": f"Bearer {token_text}"} if token_text else {}
    request = httpx.Request("GET", "https://api.local/v1/models", headers=headers)
    assert run("list_models").send(request).status == 401


def test_what_starlette_responses_by_itself_is_answered(
    run: Callable[[str], ShippedFunction], token: Token
) -> None:
    """It does so in a thread of anyio's, which loads an event loop by name."""
    assert run("list_models").send(post(token, "/v1/elsewhere")).status == 404


@pytest.mark.parametrize(("name", "status"), [("health", 200), ("unknown_request", 404)])
def test_the_functions_without_a_layer_need_none(shipped: Shipped, name: str, status: int) -> None:
    event = {"httpMethod": "GET", "path": "/health", "requestContext": {"requestId": "r"}}
    program = "import sys; sys.path.append(sys.argv[1]); import handler; print(handler.handler(%r, None))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program % event, str(shipped.tasks[name])],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"'statusCode': {status}" in done.stdout


def test_nothing_is_compiled_again_or_written_beside_the_code(
    shipped: Shipped, run: Callable[[str], ShippedFunction], token: Token
) -> None:
    before = shipped.digest()
    assert_image(run("edit_image").send(edit(token, *list(REFERENCES.values())[:4])), "at dusk")
    assert shipped.digest() == before
    assert not list(shipped.opt.rglob("*.pyc.*"))

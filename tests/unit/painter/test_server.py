"""The OpenAI images protocol as the painter speaks it."""

import base64
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from local.painter.paint import paint_edit, paint_generation
from local.painter.server import build_app

ROOT = Path(__file__).parents[3]
ORDER = {"model": "painter-generate", "prompt": "a calm sea", "size": "320x256", "seed": 9}
EDIT = {"model": "painter-edit", "prompt": "a calm sea", "size": "320x256", "seed": "9"}
CAT = paint_generation("a cat", 1, 256, 256)


async def call(method: str, path: str, token: str | None = None, **request: Any) -> httpx.Response:
    transport = httpx.ASGITransport(build_app(token))
    async with httpx.AsyncClient(transport=transport, base_url="http://painter") as client:
        return await client.request(method, path, **request)


def error_of(answer: httpx.Response) -> dict[str, Any]:
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return dict(error)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


pytestmark = pytest.mark.anyio


async def test_the_models_are_listed() -> None:
    answer = await call("GET", "/v1/models")
    assert [model["id"] for model in answer.json()["data"]] == ["painter-generate", "painter-edit"]


async def test_a_generation_answers_base64() -> None:
    answer = await call("POST", "/v1/images/generations", json=ORDER)
    assert isinstance(answer.json()["created"], int)
    (picture,) = answer.json()["data"]
    assert base64.b64decode(picture["b64_json"]) == paint_generation("a calm sea", 9, 320, 256)


async def test_a_generation_answers_png_when_asked() -> None:
    order = ORDER | {"response_format": "png", "reasoning": "high"}
    answer = await call("POST", "/v1/images/generations", json=order)
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == paint_generation("a calm sea", 9, 320, 256, "high")


@pytest.mark.parametrize("name", ["image", "image[]"])
async def test_an_edit_takes_repeated_files(name: str) -> None:
    files = [(name, ("a.png", CAT, "image/png")), (name, ("b", CAT, "application/octet-stream"))]
    answer = await call("POST", "/v1/images/edits", data=EDIT | {"response_format": "png"}, files=files)
    assert answer.content == paint_edit("a calm sea", 9, 320, 256, [CAT, CAT])


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("size", "100x100"),
        ("size", "5000x512"),
        ("size", "large"),
        ("seed", -1),
        ("seed", 2**63),
        ("seed", "x"),
        ("n", 2),
        ("prompt", ""),
        ("prompt", None),
        ("reasoning", "medium"),
        ("response_format", "url"),
        ("model", None),
    ],
)
async def test_a_bad_parameter_is_named(param: str, value: object) -> None:
    answer = await call("POST", "/v1/images/generations", json=ORDER | {param: value})
    assert answer.status_code == 400
    assert error_of(answer)["param"] == param
    assert error_of(answer)["type"] == "invalid_request_error"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
async def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    answer = await call("POST", "/v1/images/generations", content=body)
    assert answer.status_code == 400
    assert error_of(answer)["message"]


async def test_an_unknown_model_is_not_found() -> None:
    generation = await call("POST", "/v1/images/generations", json=ORDER | {"model": "dall-e-9"})
    edit = await call("POST", "/v1/images/edits", data=EDIT | {"model": "dall-e-9"}, files={"image": CAT})
    for answer in (generation, edit):
        assert answer.status_code == 404
        assert error_of(answer)["code"] == "model_not_found"


@pytest.mark.parametrize("count", [0, 5])
async def test_an_edit_needs_one_to_four_images(count: int) -> None:
    files = [("image", CAT)] * count or [("other", CAT)]
    answer = await call("POST", "/v1/images/edits", data=EDIT, files=files)
    assert answer.status_code == 400
    assert error_of(answer)["param"] == "image"


async def test_an_unreadable_image_is_refused() -> None:
    answer = await call("POST", "/v1/images/edits", data=EDIT, files={"image": b"hello"})
    assert answer.status_code == 400
    assert (error_of(answer)["param"], error_of(answer)["code"]) == ("image", "invalid_image")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "letters"}])
async def test_a_token_is_demanded_when_one_is_set(header: dict[str, str]) -> None:
    answer = await call("GET", "/v1/models", token="letters", headers=header)
    assert answer.status_code == 401
    assert error_of(answer)["code"] == "invalid_api_key"


async def test_the_token_opens_the_door() -> None:
    answer = await call("GET", "/v1/models", token="letters", headers={"Authorization": "Bearer letters"})
    assert answer.status_code == 200


async def test_an_unknown_path_is_answered_in_the_same_shape() -> None:
    answer = await call("GET", "/v1/paintings")
    assert answer.status_code == 404
    assert error_of(answer)["message"]


@pytest.fixture
def painter() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "local.painter", "--port", "0"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


def address_of(painter: subprocess.Popen[str]) -> str:
    assert painter.stdout
    line = painter.stdout.readline()
    assert line.startswith("painter listening on http://127.0.0.1:")
    return line.split()[-1]


def test_the_announced_address_paints_at_once_and_dies_with_its_parent(
    painter: subprocess.Popen[str],
) -> None:
    answer = httpx.post(
        f"{address_of(painter)}/v1/images/generations",
        json=ORDER | {"response_format": "png"},
        trust_env=False,
    )
    assert Image.open(io.BytesIO(answer.content)).size == (320, 256)
    left, complaints = painter.communicate(timeout=30)
    assert (painter.returncode, left, complaints) == (0, "", "")


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly(painter: subprocess.Popen[str], name: signal.Signals) -> None:
    httpx.get(f"{address_of(painter)}/v1/models", trust_env=False, timeout=30)
    os.kill(painter.pid, name)
    assert painter.stderr
    assert painter.stderr.read() == ""
    assert painter.wait(timeout=30) == 0

"""The examples of docs/guide.md, and those of the API reference to the letter, run against `make run`."""

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from local.template import PROJECT
from tests.e2e.local_stack.running_stack import RunningStack
from tests.npm_packages import installed

REFERENCE_EXAMPLES = Path(__file__).parent.parent / "reference_examples"
JAVASCRIPT_PACKAGES = Path(__file__).parent / "guide_packages"
PUBLIC_URL = "https://api.ml.imagine.art"
INTERPRETERS = {"sh": ["bash", "-eu"], "python": [sys.executable], "javascript": ["node"]}
SUFFIXES = {"sh": ".sh", "python": ".py", "javascript": ".mjs"}
# Where a reference example uses `token` without setting it, its reader has it from an earlier example.
PRELUDES = {
    "sh": "",
    "python": "import os\ntoken = os.environ['IMAGINEART_TOKEN']\n",
    "javascript": "const token = process.env.IMAGINEART_TOKEN;\n",
}

LANDSCAPE, PORTRAIT, SMALL = (2496, 1664), (1664, 2496), (1024, 1024)
SIZES: dict[str, dict[str, Any]] = {
    "First image": {"image.png": LANDSCAPE},
    "Two forms of a request": {"images.json": [SMALL, SMALL]},
    "Sizes and seeds": {"first.png": SMALL, "second.png": SMALL},
    "Edits and reference images": {"edited.png": PORTRAIT},
    "Safe retries": {"image.png": (2048, 2048)},
    "Timeouts, proxies and mobile backends": {"job-4711.png": (1584, 2816)},
    "OpenAI's SDKs and other clients": {"image.png": (1536, 1024), "edited.png": SMALL},
    "API reference": {"image.png": LANDSCAPE, "edited.png": PORTRAIT},
}
"""What the examples under a heading write."""


@dataclass(frozen=True)
class Example:
    """A program as its reader sees it."""

    heading: str
    language: str
    text: str


def guide_examples() -> list[Example]:
    heading, examples = "", []
    blocks = r"^## ([^\n]+)$|^```(sh|python|javascript)\n(.*?)^```$"
    guide = (PROJECT / "docs" / "guide.md").read_text()
    for title, language, text in re.findall(blocks, guide, re.MULTILINE | re.DOTALL):
        heading = title or heading
        examples += [Example(heading, language, text)] if text else []
    return examples


def reference_examples() -> list[Example]:
    return [
        Example("API reference", language, ("" if "token =" in text else PRELUDES[language]) + text)
        for language, suffix in SUFFIXES.items()
        for text in [file.read_text() for file in sorted(REFERENCE_EXAMPLES.glob(f"*{suffix}"))]
    ]


GUIDE = guide_examples()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an example runs, with the images that the examples send."""
    for name in ("portrait.jpg", "photo.jpg"):
        Image.linear_gradient("L").resize((600, 900)).convert("RGB").save(tmp_path / name)
    Image.new("RGBA", (320, 200), (200, 80, 40, 128)).save(tmp_path / "reference.png")
    return tmp_path


def run(example: Example, base_url: str, token: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = INTERPRETERS[example.language]
    for program in {command[0], *re.findall(r"^ *(curl) ", example.text, re.MULTILINE)}:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if re.search(r'from "(openai|ai)"', example.text):
        (folder / "node_modules").symlink_to(
            installed(JAVASCRIPT_PACKAGES, PROJECT / ".local") / "node_modules"
        )
    script = folder / f"example{SUFFIXES[example.language]}"
    script.write_text(example.text.replace(PUBLIC_URL, base_url))
    variables = {"IMAGINEART_BASE_URL": base_url, "IMAGINEART_TOKEN": token}
    return subprocess.run(
        [*command, script.name],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def png_size(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
        image.load()
        return image.size


def written_sizes(folder: Path) -> dict[str, Any]:
    """The sizes of the images that an example wrote, by file."""
    images = {file.name: file.read_bytes() for file in folder.glob("*.png") if file.name != "reference.png"}
    series = {file.name: json.loads(file.read_text())["data"] for file in folder.glob("*.json")}
    return {name: png_size(content) for name, content in images.items()} | {
        name: [png_size(base64.b64decode(each["b64_json"])) for each in data] for name, data in series.items()
    }


@pytest.mark.parametrize(
    "example", GUIDE + reference_examples(), ids=lambda each: f"{each.heading}, {each.language}"
)
def test_an_example_works_as_it_is_written(example: Example, stack: RunningStack, folder: Path) -> None:
    done = run(example, stack.base_url, stack.token, folder)
    assert done.returncode == 0, done.stderr
    written = written_sizes(folder)
    assert written.items() <= SIZES[example.heading].items()
    assert written or "/models" in example.text


@pytest.mark.parametrize("example", GUIDE[:3], ids=lambda each: each.language)
def test_an_example_reports_a_wrong_token(example: Example, stack: RunningStack, folder: Path) -> None:
    done = run(example, stack.base_url, stack.token[:-1] + "_", folder)
    assert done.returncode != 0
    assert re.search("401|invalid_token", done.stderr)


class ScriptedApi(HTTPServer):
    """In place of the API: sends one of `responses` after another, and records the keys that came."""

    def __init__(self, *responses: tuple[int, dict[str, str], bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _ScriptedHandler)
        self.responses = list(responses)
        self.keys: list[str | None] = []

    def __enter__(self) -> "ScriptedApi":
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _ScriptedHandler(BaseHTTPRequestHandler):
    server: ScriptedApi

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.keys.append(self.headers["Idempotency-Key"])
        status, headers, body = self.server.responses.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


RETRIES = [each for each in GUIDE if each.heading == "Safe retries"]


@pytest.mark.parametrize("example", RETRIES, ids=lambda each: each.language)
def test_the_retry_examples_send_the_same_key_again(example: Example, folder: Path) -> None:
    image = (folder / "reference.png").read_bytes()
    timeout = (504, {"X-Should-Retry": "true"}, b'{"error": {"code": "timeout"}}')
    with ScriptedApi(timeout, (200, {}, image)) as api:
        done = run(example, api.base_url, "iart_x", folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "image.png").read_bytes() == image
    assert api.keys[0]
    assert api.keys == api.keys[:1] * 2


def test_the_retry_example_stops_where_a_retry_does_not_help(folder: Path) -> None:
    refusal = (502, {"X-Should-Retry": "false"}, b'{"error": {"code": "model_auth_error"}}')
    with ScriptedApi(refusal) as api:
        done = run(RETRIES[0], api.base_url, "iart_x", folder)
    assert "HTTP 502" in done.stderr
    assert len(api.keys) == 1


def test_pages_of_other_sites_cannot_read_responses(client: httpx.Client) -> None:
    origin = {"Origin": "https://app.example.com"}
    preflight = client.options("/v1/models", headers={**origin, "Access-Control-Request-Method": "GET"})
    for response in (preflight, client.get("/v1/models", headers=origin)):
        assert not [name for name in response.headers if name.startswith("access-control")]

"""Every program that docs/api.md and openapi.yaml show is run, and does what the text around it says."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import jsonschema
import pytest
import yaml
from PIL import Image

from contract.code_samples import PUBLIC_URL, CodeSample, code_samples, sample_names
from local.template import PROJECT
from tests.e2e.local_stack.running_stack import RunningStack
from tests.fault_backend import FaultBackend, document, raw_picture
from tests.sample_pictures import sample

PROGRAMS = {".sh": "bash", ".py": sys.executable, ".mjs": "node"}
SAMPLES = [(name, each) for name in sample_names() for each in code_samples(name)]
OPENAPI = yaml.safe_load((PROJECT / "openapi.yaml").read_text())
LANDSCAPE, PORTRAIT, SQUARE = (2496, 1664), (1664, 2496), (2048, 2048)
PICTURES = {
    "generate": {"image.png": LANDSCAPE},
    "edit": {"edited.png": PORTRAIT},
    "upload": {"edited.png": LANDSCAPE},
    "as-json": {"image-1.png": (1024, 1024), "image-2.png": (1024, 1024)},
    "retry": {"image.png": SQUARE},
    "models": {},
    "health": {},
}


def each_of(*names: str) -> pytest.MarkDecorator:
    """Runs a test for each program of these names."""
    chosen = [each for name, each in SAMPLES if name in names]
    return pytest.mark.parametrize("program", chosen, ids=lambda program: program.file.name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a program runs; it holds the pictures that the programs name."""
    Image.linear_gradient("L").resize((600, 900)).convert("RGB").save(tmp_path / "portrait.jpg")
    Image.new("RGBA", (320, 200), (200, 80, 40, 128)).save(tmp_path / "reference.png")
    Image.linear_gradient("L").resize((900, 600)).convert("RGB").save(tmp_path / "photo.jpg")
    return tmp_path


@pytest.fixture
def scripted() -> Iterator[FaultBackend]:
    """A server in place of the API, which says what the test has it say."""
    with FaultBackend() as server:
        yield server


def run(program: CodeSample, base_url: str, token: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a program against the deployment at `base_url`."""
    interpreter = PROGRAMS[program.file.suffix]
    for needed in {interpreter, *(["curl"] if interpreter == "bash" else [])}:
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed")
    script = folder / f"program{program.file.suffix}"
    script.write_text(("set -eu\n" if interpreter == "bash" else "") + program.source(base_url))
    return subprocess.run(
        [interpreter, script.name],
        cwd=folder,
        env={**os.environ, "IMAGINEART_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def sizes(folder: Path, names: list[str]) -> dict[str, tuple[int, int]]:
    """The size of each PNG, decoded."""
    found = {}
    for name in names:
        with Image.open(folder / name, formats=["PNG"]) as image:
            image.load()
            found[name] = image.size
    return found


def test_what_is_shown_is_what_is_run() -> None:
    programs = {each.source() for _, each in SAMPLES}
    shown = re.findall(
        r"^```(?:sh|python|javascript) [^\n]*\n(.*?)\n```$",
        (PROJECT / "docs" / "api.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    in_openapi = {
        each["source"]
        for item in OPENAPI["paths"].values()
        for operation in item.values()
        for each in operation["x-codeSamples"]
    }
    assert set(shown) == programs
    assert in_openapi < programs
    assert PICTURES.keys() == set(sample_names())
    assert all(PUBLIC_URL in each for each in programs)


def test_every_operation_is_shown_in_three_languages() -> None:
    for item in OPENAPI["paths"].values():
        for operation in item.values():
            labels = [each["label"] for each in operation["x-codeSamples"]]
            assert labels[:3] == ["curl", "Python", "JavaScript"], operation["operationId"]


@pytest.mark.parametrize(("name", "program"), SAMPLES, ids=lambda value: getattr(value, "file", Path()).name)
def test_the_program_does_what_is_said(
    name: str, program: CodeSample, stack: RunningStack, folder: Path
) -> None:
    done = run(program, stack.base_url, stack.token, folder)
    assert done.returncode == 0, done.stderr
    if program.language.label == "curl" and name == "as-json":
        (folder / "pictures.json").rename(folder / "answer.json")
        answer = json.loads((folder / "answer.json").read_text())
        assert [each["seed"] for each in answer["data"]] == [7, 8]
        return
    assert sizes(folder, list(PICTURES[name])) == PICTURES[name]
    if name == "models" and program.language.label != "curl":
        assert "image-edit takes prompt, images, aspect_ratio, resolution, seed" in done.stdout
    if name == "generate" and program.language.label in ("Python", "JavaScript"):
        assert done.stdout == "seed 7\n"
    if name == "health" and program.language.label != "curl":
        assert done.stdout == "up\n"


@each_of("generate", "models", "upload")
def test_the_program_fails_aloud_with_a_wrong_token(
    program: CodeSample, stack: RunningStack, folder: Path
) -> None:
    done = run(program, stack.base_url, stack.token[:-1] + "_", folder)
    assert done.returncode != 0
    assert "401" in done.stderr or "invalid_token" in done.stderr


@each_of("retry")
def test_a_retry_brings_the_picture_under_the_same_key(
    program: CodeSample, scripted: FaultBackend, folder: Path
) -> None:
    failure = document({"error": {"code": "timeout", "message": "Retry.", "request_id": "x"}}, 504)
    scripted.script(failure, raw_picture(sample("png", 64, 48)))
    done = run(program, scripted.origin, "iart_x", folder)
    assert done.returncode == 0, done.stderr
    assert sizes(folder, ["image.png"]) == {"image.png": (64, 48)}
    first, second = scripted.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] != ""


@each_of("retry")
def test_what_would_fail_again_is_not_sent_again(
    program: CodeSample, scripted: FaultBackend, folder: Path
) -> None:
    refused = document({"error": {"code": "invalid_request", "message": "No.", "request_id": "x"}}, 400)
    told = type(refused)(refused.status, refused.content_type, refused.body, {"X-Should-Retry": "false"})
    scripted.script(told)
    done = run(program, scripted.origin, "iart_x", folder)
    assert done.returncode != 0
    assert "400" in done.stderr
    assert len(scripted.requests) == 1


# What the document shows of answers


def example_of(path: str, method: str) -> dict:
    return OPENAPI["paths"][path][method]["responses"]["200"]["content"]["application/json"]


def test_the_models_that_are_shown_are_those_that_are_answered(client: httpx.Client) -> None:
    assert client.get("/v1/models").json() == example_of("/v1/models", "get")["example"]


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
def test_the_health_that_is_shown_is_what_is_answered(client: httpx.Client, path: str) -> None:
    assert client.get(path).json() == example_of(path, "get")["example"]


def test_an_upload_is_granted_as_shown(client: httpx.Client) -> None:
    shown = example_of("/v1/uploads", "post")
    granted = client.post("/v1/uploads", json={"content_type": "image/jpeg", "size": 9}).json()
    for each in (granted, shown["example"]):
        jsonschema.validate(each, shown["schema"])
    varying = dict.fromkeys(("id", "url", "expires_at"), "")
    assert granted | varying == shown["example"] | varying


def test_pictures_in_json_are_answered_as_shown(client: httpx.Client) -> None:
    operation = OPENAPI["paths"]["/v1/images/generations"]["post"]
    asked = operation["requestBody"]["content"]["application/json"]["example"]
    shown = example_of("/v1/images/generations", "post")["example"]
    answer = client.post("/v1/images/generations", json=asked).json()
    for told in (answer, shown):
        told["created"] = 0
        for each in told["data"]:
            assert each.pop("b64_json").startswith("iVBORw0KGgo")
    answer.pop("usage", None)
    assert answer == shown


def test_pages_of_other_origins_are_given_nothing(client: httpx.Client) -> None:
    origin = {"Origin": "https://app.example.com"}
    asked = client.options("/v1/models", headers={**origin, "Access-Control-Request-Method": "GET"})
    for answer in (asked, client.get("/v1/models", headers=origin)):
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert asked.status_code == 404


def test_a_picture_comes_with_the_headers_that_are_shown(client: httpx.Client) -> None:
    operation = OPENAPI["paths"]["/v1/images/generations"]["post"]
    asked = operation["requestBody"]["content"]["multipart/form-data"]["example"]
    answer = client.post("/v1/images/generations", data={name: str(each) for name, each in asked.items()})
    block = re.search(
        r"^```http\nHTTP/1.1 200 OK\n(.*?)^```", (PROJECT / "docs" / "api.md").read_text(), re.M | re.S
    )
    assert block is not None
    shown = dict(line.split(": ", 1) for line in block[1].splitlines())
    assert answer.status_code == 200
    assert {name for name in answer.headers if name.startswith("x-")} == {
        name.lower() for name in shown if name != "Content-Type"
    }
    for name in ("Content-Type", "X-Seed", "X-Model", "X-Image-Width", "X-Image-Height"):
        assert answer.headers[name] == shown[name], name

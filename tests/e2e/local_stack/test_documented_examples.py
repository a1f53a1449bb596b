"""Programs that readers copy, and others on clients of OpenAI's, run against `make run`.

They are those of README.md, docs/guide.md, docs/imagineo.md, docs/openai.md and docs/runware.md, those of the
seed's API reference to the letter, the curl commands that the operator's command line prints, and clients of
OpenAI's API.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Request, Response

from local.template import PROJECT, SEARCH_PATH
from local.wsgi_server import serving
from tests.e2e.local_stack.running_stack import RunningStack, state_variables
from tests.e2e.local_stack.written_images import written_sizes
from tests.npm_packages import installed

HERE = Path(__file__).parent
PUBLIC_URL = "https://api.ml.imagine.art"
INTERPRETERS = {".sh": ["bash", "-eu"], ".py": [sys.executable], ".mjs": ["node"]}
SUFFIXES = {"sh": ".sh", "python": ".py", "javascript": ".mjs"}
# A reference example that uses `token` without setting it continues an earlier one that does.
SET_TOKEN = {
    ".sh": "",
    ".py": "import os\ntoken = os.environ['IMAGINEART_TOKEN']\n",
    ".mjs": "const token = process.env.IMAGINEART_TOKEN;\n",
}
# `make` would look after the environment that the tests run in.
MAKE_CLI = f'make() {{ eval "{sys.executable} -m cli ${{2#ARGS=}}"; }}\n'

LANDSCAPE, PORTRAIT, SMALL, TALL = (2496, 1664), (1664, 2496), (1024, 1024), (1024, 1536)
SIZES: dict[str, dict[str, Any]] = {
    "README.md": {
        "sailing-boat.png": (1248, 832),
        "edited.png": LANDSCAPE,
        "winter.png": LANDSCAPE,
        "lighthouse.png": (2048, 2048),
    },
    "README.md, OpenAI": {"sailing-boat.png": (1536, 1024), "edited.png": (1248, 832)},
    "First image": {"image.png": LANDSCAPE},
    "Two forms of a request": {"images.json": [SMALL, SMALL]},
    "Sizes and seeds": {"first.png": SMALL, "second.png": SMALL},
    "Edits and reference images": {"edited.png": PORTRAIT},
    "Safe retries": {"image.png": (2048, 2048)},
    "Jobs": {"image-0.png": SMALL},
    "Generate an image by its run": {"mug.png": (1024, 768)},
    "A task": {"lighthouse.png": SMALL},
    "Timeouts, proxies and mobile backends": {"order-4712.png": (1584, 2816)},
    "OpenAI's SDKs and other clients": {"image.png": (1536, 1024), "edited.png": SMALL},
    "API reference": {"image.png": LANDSCAPE, "edited.png": PORTRAIT},
    "openai.sh": {"edited.json": [TALL]},
    "With OpenAI's client": {"lighthouse.webp": SMALL},
    "Events": {"streamed.png": SMALL},
    "openai.mjs": {
        "generated.png": SMALL,
        "edited.png": TALL,
        "streamed.png": SMALL,
        "varied.png": SMALL,
        "at-a-url.png": SMALL,
    },
    "ai_sdk.mjs": {
        f"{made}-{provider}.png": size
        for made, size in (("generated", SMALL), ("edited", TALL))
        for provider in ("openai", "compatible")
    },
}
"""The images that the programs of a source write, by file."""


@dataclass(frozen=True)
class Program:
    """A program as its reader has it; `source` is a heading of the guide, or a file."""

    source: str
    suffix: str
    text: str

    def __str__(self) -> str:
        return f"{self.source}, {self.suffix}"


def fenced(document: str) -> list[Program]:
    """The programs in a Markdown document, each with the heading that it is under."""
    heading, programs = "", []
    blocks = r"^## ([^\n]+)$|^```(sh|python|javascript)\n(.*?)^```$"
    text = (PROJECT / document).read_text()
    for title, language, program in re.findall(blocks, text, re.MULTILINE | re.DOTALL):
        heading = title or heading
        programs += [Program(heading, SUFFIXES[language], program)] if program else []
    return programs


def readme_programs() -> list[Program]:
    """The shell commands as one program, since each continues the one before, and the Python one."""
    *commands, python = sorted(fenced("README.md"), key=lambda each: each.suffix == ".py")
    story = MAKE_CLI + "".join(each.text for each in commands)
    return [Program("README.md", ".sh", story), Program("README.md, OpenAI", ".py", python.text)]


def reference_programs() -> Iterator[Program]:
    for file in files(HERE.parent / "reference_examples"):
        text = file.read_text()
        prelude = "" if "token =" in text else SET_TOKEN[file.suffix]
        yield Program("API reference", file.suffix, prelude + text)


def files(folder: Path) -> list[Path]:
    """The programs in a folder."""
    return sorted(each for each in folder.iterdir() if each.suffix in INTERPRETERS)


# A receiver of webhooks runs until it is stopped: tests/functions/test_webhooks.py delivers webhooks to it.
SIBLINGS = [*fenced("docs/imagineo.md"), *fenced("docs/runware.md")]
GUIDE = [each for each in fenced("docs/guide.md") if each.source != "Webhooks"]
CLIENTS = [Program(each.name, each.suffix, each.read_text()) for each in files(HERE / "clients")]
OPENAI = fenced("docs/openai.md")
PROGRAMS = [*readme_programs(), *GUIDE, *OPENAI, *SIBLINGS, *reference_programs(), *CLIENTS]


def run(program: Program, base_url: str, token: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = INTERPRETERS[program.suffix]
    for needed in {command[0], *re.findall(r"^ *(curl) ", program.text, re.MULTILINE)}:
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed")
    if re.search(r'from "(openai|ai)"', program.text):
        packages = installed(HERE / "javascript_packages", PROJECT / ".local")
        (folder / "node_modules").symlink_to(packages / "node_modules")
    script = folder / f"program{program.suffix}"
    script.write_text(program.text.replace(PUBLIC_URL, base_url))
    variables = {"IMAGINEART_BASE_URL": base_url, "IMAGINEART_TOKEN": token}
    return subprocess.run(
        [*command, script.name],
        cwd=folder,
        env=os.environ | variables | state_variables(folder / ".local"),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_a_program_works_as_it_is_written(
    program: Program, stack: RunningStack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(SEARCH_PATH))
    (folder / ".local").symlink_to(stack.folder)
    done = run(program, stack.base_url, stack.token, folder)
    assert done.returncode == 0, done.stderr
    written = written_sizes(folder)
    assert written.items() <= SIZES[program.source].items()
    assert written or "/models" in program.text


def test_the_curl_commands_of_the_command_line_work_when_pasted(stack: RunningStack, folder: Path) -> None:
    commands = re.findall(r"^curl (?:.*\\\n)*.*", stack.target.succeed("examples"), re.MULTILINE)
    upload = {"url": "", "id": ""}
    for command in commands:
        for name, value in upload.items():
            command = command.replace(f"{name.upper()}-OF-THE-RESPONSE", str(value))
        done = run(Program("examples", ".sh", command), stack.base_url, stack.token, folder)
        assert done.returncode == 0, done.stderr
        upload = json.loads(done.stdout) if "/v1/uploads" in command else upload
    assert len(commands) == 5
    assert written_sizes(folder) == {"image.png": LANDSCAPE, "edited.png": PORTRAIT}


@pytest.mark.parametrize("program", GUIDE[:3], ids=str)
def test_a_program_reports_a_wrong_token(program: Program, stack: RunningStack, folder: Path) -> None:
    done = run(program, stack.base_url, stack.token[:-1] + "_", folder)
    assert done.returncode != 0
    assert re.search("401|invalid_token", done.stderr)


@contextlib.contextmanager
def scripted_api(*responses: Response) -> Iterator[tuple[str, list[str | None]]]:
    """In place of the API: sends one response after another. Yields its URL, and the keys that come."""
    left, keys = iter(responses), list[str | None]()

    @Request.application
    def respond(request: Request) -> Response:
        request.get_data()
        keys.append(request.headers.get("Idempotency-Key"))
        return next(left)

    with serving(respond) as url:
        yield url, keys


RETRIES = [each for each in GUIDE if each.source == "Safe retries"]


@pytest.mark.parametrize("program", RETRIES, ids=str)
def test_the_retry_examples_send_the_same_key_again(program: Program, folder: Path) -> None:
    image = (folder / "reference.png").read_bytes()
    timeout = Response('{"error": {"code": "timeout"}}', 504, {"X-Should-Retry": "true"})
    with scripted_api(timeout, Response(image)) as (url, keys):
        done = run(program, url, "iart_x", folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "image.png").read_bytes() == image
    assert keys[0]
    assert keys == keys[:1] * 2


def test_the_retry_example_stops_where_a_retry_does_not_help(folder: Path) -> None:
    refusal = Response('{"error": {"code": "model_auth_error"}}', 502, {"X-Should-Retry": "false"})
    with scripted_api(refusal) as (url, keys):
        done = run(RETRIES[0], url, "iart_x", folder)
    assert "HTTP 502" in done.stderr
    assert len(keys) == 1

"""Clients that are installed or generated get images from `make run`, and linters accept openapi.yaml."""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.template import PROJECT
from tests.e2e.local_stack.running_stack import RunningStack
from tests.e2e.local_stack.written_images import written_sizes
from tests.npm_packages import installed

pytestmark = pytest.mark.clients

HERE = Path(__file__).parent
SMALL, TALL = (1024, 1024), (1024, 1536)
GENERATED = {"form.png": SMALL, "json.png": SMALL, "edited.png": TALL}
CLIENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "LiteLLM": ("python litellm_library.py", {"generated.png": SMALL, "edited.png": TALL}),
    "LiteLLM's proxy": ("bash -eu litellm_proxy.sh", {"generated.json": [SMALL], "edited.json": [TALL]}),
    "LangChain": ("python langchain_tool.py", {"generated.png": SMALL}),
    "LlamaIndex": ("python llamaindex_tool.py", {"generated.png": SMALL, "saved.png": SMALL}),
    "openapi-python-client": (
        "openapi-python-client generate --path openapi.yaml --meta none --output-path generated\n"
        "python generated_client.py",
        GENERATED | {"urlencoded.png": SMALL, "uploaded.png": TALL},
    ),
    "datamodel-code-generator": (
        "datamodel-codegen --input openapi.yaml --input-file-type openapi --formatters builtin "
        "--output-model-type pydantic_v2.BaseModel --output generated.py\n"
        "python generated_models.py",
        GENERATED,
    ),
    "openapi-typescript": (
        "openapi-typescript openapi.yaml --output generated.d.ts\n"
        "tsc --strict --skipLibCheck --target es2022 --module nodenext --types node generated_types.mts\n"
        "node generated_types.mjs",
        GENERATED,
    ),
}
"""What a reader runs with each client, and the images that it writes."""

LINTERS = [
    "redocly lint --extends=recommended openapi.yaml",
    "spectral lint --fail-severity warn --ruleset spectral.yaml openapi.yaml",
]
QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "REDOCLY_TELEMETRY": "off",
    "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
}
"""Without these, some tools ask another host for prices or news."""


def run(commands: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run commands on the document and on the programs of this folder, with all clients on PATH."""
    packages = installed(HERE / "openapi_packages", PROJECT / ".local") / "node_modules"
    (folder / "node_modules").symlink_to(packages)
    shutil.copytree(HERE / "installed_clients", folder, dirs_exist_ok=True)
    shutil.copy(PROJECT / "openapi.yaml", folder)
    python = PROJECT / (".venv-peers" if "litellm" in commands else ".venv-clients")
    path = os.pathsep.join([str(python / "bin"), str(packages / ".bin"), os.environ["PATH"]])
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        ["bash", "-euc", commands],
        cwd=folder,
        env=inherited | QUIET | variables | {"PATH": path, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_generates_and_edits(client: str, stack: RunningStack, folder: Path) -> None:
    commands, expected = CLIENTS[client]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = run(
        commands,
        folder,
        IMAGINEART_BASE_URL=stack.base_url,
        IMAGINEART_TOKEN=stack.token,
        OPENAI_URL=f"{stack.base_url}/v1",
        FREE_PORT=str(port),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert written_sizes(folder) == expected


@pytest.mark.parametrize("command", LINTERS)
def test_a_linter_finds_no_error_in_the_document(command: str, tmp_path: Path) -> None:
    done = run(command, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr

"""What is needed only when the backend has answered is imported while it works, not afterwards."""

import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagineart.domain.tokens import Token
from local.cloud import runtime_variables
from local.function_variables import function_variables
from tests.fault_backend import Answer, RecordedRequest, picture, raw_picture
from tests.functions.deployment import Deployment
from tests.functions.painting_backend import PaintingBackend, paint, picture_file
from tests.functions.shipped_functions import Shipped, ShippedFunction, running_function, ship
from tests.functions.test_shipped_package import FUNCTIONS, edit, generation, post
from tests.sample_pictures import sample
from tests.unit.adapters.test_pictures import wide_gamut

pytest.importorskip("awslambdaric", reason="AWS publishes its runtime client for Linux")

PATIENCE_SECONDS = 20.0
"""How long the backend is held at most: so long where nothing is loaded meanwhile, and the test fails."""

JPEG = picture_file((640, 480), kind="JPEG", icc_profile=wide_gamut())
ANSWERS: dict[str, Callable[[RecordedRequest], Answer]] = {
    "a PNG of the size": paint,
    "a PNG of another size": lambda _: picture(sample("png")),
    "a JPEG with a colour profile": lambda _: picture(JPEG),
    "a WebP": lambda _: picture(sample("webp")),
    "a file instead of JSON": lambda request: raw_picture(sample("png", *request.size)),
}
REQUESTS: dict[str, Callable[[Token], httpx.Request]] = {
    "a generation": generation,
    "a generation under a key": lambda token: generation(token, {"Idempotency-Key": "order-1"}),
    "a generation as JSON": lambda token: post(token, "/v1/images/generations", json={"prompt": "a fox"}),
    "an edit of a PNG": lambda token: edit(token, sample("png")),
    "an edit of a HEIC": lambda token: edit(token, sample("heic")),
}


class Imports:
    """The end of the pipe at which a test learns what a function imports."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        # For writing too, so that reading does not end before the function begins to write.
        self._descriptor = os.open(path, os.O_RDWR)
        self._rest = b""

    def read_until(self, mark: str) -> list[str]:
        """What was looked for until the mark, or until patience ends."""
        names: list[str] = []
        while True:
            while b"\n" in self._rest:
                line, _, self._rest = self._rest.partition(b"\n")
                if line.decode() == mark:
                    return names
                names.append(line.decode())
            if not select.select([self._descriptor], [], [], PATIENCE_SECONDS)[0]:
                return names
            self._rest += os.read(self._descriptor, 65_536)

    def close(self) -> None:
        os.close(self._descriptor)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    return ship(tmp_path_factory.mktemp("shipped"))


@pytest.fixture
def imports(tmp_path: Path) -> Iterator[Imports]:
    opened = Imports(tmp_path / "imports")
    yield opened
    opened.close()


@pytest.fixture
def run(shipped: Shipped, api: Deployment, imports: Imports) -> Iterator[Callable[[str], ShippedFunction]]:
    contexts = []

    def start(name: str) -> ShippedFunction:
        variables = {
            **function_variables(FUNCTIONS[name], api.references, runtime_variables(api.cloud_url)),
            "IMPORTS_PIPE": str(imports.path),
            "FUNCTION_FOLDER": str(shipped.tasks[name]),
        }
        handler = "recording_handler.handler"
        contexts.append(
            running_function(shipped, name, variables, task=Path(__file__).parent, handler=handler)
        )
        return contexts[-1].__enter__()

    yield start
    for context in contexts:
        context.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        *(("a generation", answered) for answered in ANSWERS),
        *((asked, "a PNG of another size") for asked in REQUESTS if asked != "a generation"),
    ],
)
def test_nothing_is_imported_once_the_backend_has_answered(
    run: Callable[[str], ShippedFunction],
    api: Deployment,
    imports: Imports,
    backend: PaintingBackend,
    asked: str,
    answered: str,
) -> None:
    meanwhile: list[str] = []

    def answer_when_all_is_loaded(request: RecordedRequest) -> Answer:
        meanwhile.extend(imports.read_until("=loaded"))
        return ANSWERS[answered](request)

    backend.reply = answer_when_all_is_loaded
    function = run("edit_image" if "edit" in asked else "generate_image")
    reply = function.send(REQUESTS[asked](api.issue_token()))
    assert reply.status == 200, reply.content
    assert imports.read_until("=answered") == []
    assert "PIL.ImageCms" in meanwhile


def test_the_start_imports_nothing_for_pictures(
    run: Callable[[str], ShippedFunction], api: Deployment, imports: Imports
) -> None:
    """A refused request ends before anything of pictures is needed."""
    refused: Any = generation(api.issue_token())
    refused.headers["Authorization"] = "Bearer none"
    assert run("generate_image").send(refused).status == 401
    assert not [name for name in imports.read_until("=answered") if name.startswith(("PIL", "pillow_heif"))]

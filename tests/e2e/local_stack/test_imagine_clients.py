"""Both of Imagine's own clients, unmodified but for the host, do all that they can with `make run`."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.local_stack.client_programs import notes_of
from tests.e2e.local_stack.running_stack import RunningStack
from tests.e2e.local_stack.written_images import written_sizes

pytestmark = pytest.mark.clients

LIKE_THE_PHOTO = (832, 1248)
IMAGES = {
    "generated.png": (1024, 1024), "all-options.png": (1856, 2320), "varied.png": LIKE_THE_PHOTO,
    "remixed.png": LIKE_THE_PHOTO, "inpainted.png": (600, 900), "enlarged.png": (1724, 2586),
}  # fmt: skip
CLIENTS: dict[str, tuple[str, dict[str, tuple[int, int]], dict[str, Any]]] = {
    "PyPI imaginesdk": (
        "python sdk.py",
        IMAGES,
        {
            # It always asks for openpose unless it is given another control, and no model keeps to a pose.
            "default control": "BAD_REQUEST",
            "bad key": "UNAUTHORIZED",
            "no key": "BAD_REQUEST",
            "bad ratio": "BAD_REQUEST",
        },
    ),
    "npm imaginesdk": (
        "node sdk.mjs",
        IMAGES | {"remixed-by-default.png": LIKE_THE_PHOTO},
        {"bad key": [401, 1001, "Unauthorized", 1], "bad ratio": [400, 1100, "BadRequest", 1]},
    ),
}
"""How each is run, the images that it writes, and what it makes of errors."""


@pytest.mark.parametrize("client", CLIENTS)
def test_every_method_of_a_client_works(client: str, stack: RunningStack, folder: Path) -> None:
    command, images, notes = CLIENTS[client]
    assert notes_of(command, "imagine", stack, folder) == notes
    assert written_sizes(folder) == images

"""Runware's own clients, unmodified, get images from `make run` over HTTP."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.local_stack.client_programs import notes_of
from tests.e2e.local_stack.running_stack import RunningStack
from tests.e2e.local_stack.written_images import written_sizes

pytestmark = pytest.mark.clients

SMALL = (1024, 1024)
ONE_AND_FOUR = {"one-0.png": SMALL} | {f"four-{number}.png": SMALL for number in range(4)}
CLIENTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "runware-sdk": (
        "python runware_sdk.py",
        ONE_AND_FOUR
        | {
            "async-0.png": SMALL, "async-1.png": SMALL, "reference-0.png": (2048, 1152),
            "unsafe-0.png": SMALL,
        },
        {
            "one": [None], "four": [None] * 4, "async": [None] * 2, "reference": [None], "unsafe": [True],
            "refused": "validation", "bad key": "auth",
        },
    ),
    "@runware/ai-sdk-provider": (
        "node ai_sdk.mjs",
        ONE_AND_FOUR | {"reference-0.png": (2048, 1152), "unsafe-0.png": SMALL},
        {"one": None, "four": None, "reference": None, "unsafe": True}
        | {"refused": "invalidDimensions", "bad key": "invalidApiKey"},
    ),
}  # fmt: skip
"""How each is run, the images that it writes, and what it makes of errors and of unsafe content."""


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_of_runware_works_unmodified(client: str, stack: RunningStack, folder: Path) -> None:
    command, images, notes = CLIENTS[client]
    assert notes_of(command, "runware", stack, folder) == notes
    assert written_sizes(folder) == images

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.local_stack.running_stack import RunningStack, start_stack


@pytest.fixture
def starting_stack(tmp_path: Path) -> Iterator[RunningStack]:
    """A stack that only this test uses, not served yet; it is killed at the end."""
    running = start_stack(tmp_path / "state")
    yield running
    for child in running.children():
        # One that a test has stopped does not end by itself.
        os.kill(child, signal.SIGKILL)
    running.kill()


@pytest.fixture
def own_stack(starting_stack: RunningStack) -> RunningStack:
    """A served stack that only this test uses."""
    starting_stack.wait_until_served()
    return starting_stack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a program runs, with the images that the programs send."""
    for name in ("portrait.jpg", "photo.jpg"):
        Image.linear_gradient("L").resize((600, 900)).convert("RGB").save(tmp_path / name)
    Image.new("RGBA", (320, 200), (200, 80, 40, 128)).save(tmp_path / "reference.png")
    return tmp_path

"""Photographs larger than a request may be, sent as the README shows it: with curl."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.target import Target

# The kind and the file are the caller's; the rest is what anybody would paste.
ASK = """
curl -sS -X POST "$IMAGINEART_BASE_URL/v1/uploads" \\
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \\
  -F "content_type=image/jpeg" -F "size=$(wc -c < {file} | tr -d ' ')"
"""
PUT = """curl -sS -w "%{{http_code}}" -T {file} -H "Content-Type: image/jpeg" "{url}" """
EDIT = """
curl -sS -X POST "$IMAGINEART_BASE_URL/v1/images/edits" \\
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \\
  -F "prompt=Make it dusk." -F "resolution=1K" {images} --output edited.png
"""

Shell = Callable[[str], str]


@pytest.fixture
def shell(target: Target, tmp_path: Path) -> Shell:
    """Runs a command as a user of the deployment who has its variables; returns what it printed."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")

    def run(command: str) -> str:
        done = subprocess.run(
            ["sh", "-euc", command],
            cwd=tmp_path, env=os.environ | target.variables, capture_output=True, text=True, check=False,
            timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def photograph(path: Path, size: tuple[int, int]) -> int:
    """Write a JPEG of noise; return its bytes."""
    Image.effect_noise(size, 90).convert("RGB").save(path, quality=98)
    return path.stat().st_size


def test_large_photographs_are_uploaded_and_edited_with_curl(shell: Shell, tmp_path: Path) -> None:
    sizes = {"first.jpg": (3000, 2000), "second.jpg": (2000, 3000)}
    total_bytes = sum(photograph(tmp_path / file, size) for file, size in sizes.items())
    assert total_bytes > 6_291_556, "they would fit into one request"
    ids = []
    for file in sizes:
        granted = json.loads(shell(ASK.format(file=file)))
        assert shell(PUT.format(file=file, url=granted["url"])) == "200"
        ids.append(granted["id"])
    photograph(tmp_path / "small.jpg", (64, 64))
    images = f'-F "images={ids[0]}" -F "images=@small.jpg" -F "images={ids[1]}"'
    shell(EDIT.format(images=images))
    with Image.open(tmp_path / "edited.png") as edited:
        edited.load()
        assert (edited.format, edited.size) == ("PNG", (1248, 832))


def test_an_upload_that_was_not_put_is_told(shell: Shell, tmp_path: Path) -> None:
    photograph(tmp_path / "first.jpg", (64, 64))
    granted = json.loads(shell(ASK.format(file="first.jpg")))
    shell(EDIT.format(images=f'-F "images={granted["id"]}"'))
    error = json.loads((tmp_path / "edited.png").read_text())["error"]
    assert error["code"] == "invalid_image"
    assert error["message"].startswith("images[0]: nothing was uploaded")


def test_the_command_line_s_examples_work_when_pasted(shell: Shell, target: Target, tmp_path: Path) -> None:
    photograph(tmp_path / "photo.jpg", (1200, 800))
    commands = re.findall(r"^curl (?:.*\\\n)*.*", target.succeed("examples"), re.MULTILINE)
    generate, edit, ask, put, edit_upload = commands
    shell(generate)
    shell(edit)
    granted = json.loads(shell(ask))
    shell(put.replace("URL-OF-THE-ANSWER", granted["url"]))
    (tmp_path / "edited.png").rename(tmp_path / "first-edited.png")
    shell(edit_upload.replace("ID-OF-THE-ANSWER", granted["id"]))
    sizes = {}
    for name in ("image.png", "first-edited.png", "edited.png"):
        with Image.open(tmp_path / name) as image:
            image.load()
            sizes[name] = image.size
    assert sizes == dict.fromkeys(sizes, (2496, 1664))

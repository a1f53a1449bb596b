"""What a newcomer meets who types `make run`."""

import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
from PIL import Image

from local.template import load_template
from tests.e2e.local_stack.running_stack import RunningStack


def test_the_state_files_say_where_and_with_what(stack: RunningStack) -> None:
    assert stack.state.keys() == {"IMAGINEART_BASE_URL", "IMAGINEART_TOKEN"}
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", stack.base_url)
    assert re.fullmatch(r"iart_p\w+", stack.token)
    modes = {
        str(path.relative_to(stack.folder)): path.stat().st_mode & 0o777
        for path in stack.folder.rglob("*")
        if path.is_file() and path.name != "output"
    }
    functions = [function.code.name for function in load_template().functions.values()]
    assert modes == dict.fromkeys(
        ["env", "stack.json", *(f"functions/{name}.env" for name in functions)], 0o600
    )


def test_the_same_is_told_on_the_terminal(stack: RunningStack) -> None:
    assert f"ImagineArt API on {stack.base_url}\n" in stack.output
    assert f"Token: {stack.token}\n" in stack.output
    assert "no model" in stack.output


def test_the_curl_line_works_when_pasted(stack: RunningStack, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (line,) = re.findall(r"^curl (?:.*\\\n)*.*", stack.output, re.MULTILINE)
    done = subprocess.run(["bash", "-euc", line], cwd=tmp_path, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "image.png") as image:
        assert (image.format, image.size) == ("PNG", (2496, 1664))


def test_a_hand_never_reaches_the_local_limit(client: httpx.Client) -> None:
    assert client.get("/v1/models").headers["X-RateLimit-Limit"] == "6000"


def test_a_cold_start_is_shown_as_one(client: httpx.Client, stack: RunningStack) -> None:
    client.get("/v1/models")
    assert "ListModelsFunction: cold start" in stack.output


def test_a_body_beyond_awss_limit_is_refused_before_it_is_read(stack: RunningStack, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (tmp_path / "large.jpg").write_bytes(bytes(20 * 1024 * 1024))
    done = subprocess.run(
        ["curl", "-sS", "-F", "prompt=x", "-F", "images=@large.jpg", f"{stack.base_url}/v1/images/edits"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert '"invalid_request"' in done.stdout, done.stderr
    assert "POST /v1/uploads" in done.stdout

"""What `make run` prints and leaves, and what it does when a part of it ends."""

import os
import re
import shutil
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

from local.template import load_template
from tests.e2e.local_stack.running_stack import RunningStack
from tests.processes import await_end
from tests.sample_images import sample

FORM = {"prompt": "a lighthouse", "resolution": "1K"}


def generate(stack: RunningStack) -> httpx.Response:
    with stack.target.client() as client:
        return client.post("/v1/images/generations", data=FORM)


def edit(stack: RunningStack) -> httpx.Response:
    with stack.target.client() as client:
        return client.post("/v1/images/edits", data=FORM, files={"images": sample("png")})


def test_its_state_files_are_the_users_alone(stack: RunningStack) -> None:
    assert stack.state.keys() == {"IMAGINEART_BASE_URL", "IMAGINEART_TOKEN"}
    modes = {
        str(path.relative_to(stack.folder)): path.stat().st_mode & 0o777
        for path in stack.folder.rglob("*")
        if path.is_file() and path.name != "output"
    }
    functions = [f"functions/{each.code.name}.env" for each in load_template().functions.values()]
    assert modes == dict.fromkeys(["env", "stack.json", *functions], 0o600)


def test_the_curl_command_that_it_prints_works_when_pasted(stack: RunningStack, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (command,) = re.findall(r"^curl (?:.*\\\n)*.*", stack.output, re.MULTILINE)
    subprocess.run(["bash", "-euc", command], cwd=tmp_path, stderr=subprocess.DEVNULL, check=True)
    with Image.open(tmp_path / "image.png") as image:
        assert (image.format, image.size) == ("PNG", (2496, 1664))


def test_a_body_beyond_awss_limit_is_refused_with_the_way_to_upload_it(stack: RunningStack) -> None:
    with stack.target.client() as client:
        response = client.post("/v1/images/edits", data=FORM, files={"images": bytes(27_000_000)})
    assert response.json()["error"]["code"] == "invalid_request"
    assert "POST /v1/uploads" in response.json()["error"]["message"]


def test_ctrl_c_while_it_still_starts_leaves_nothing(starting_stack: RunningStack) -> None:
    starting_stack.wait_until(lambda: len(starting_stack.children()) == 2)
    children = starting_stack.children()
    assert starting_stack.interrupt() == 0, starting_stack.output
    for pid in children:
        await_end(pid)
    assert "Traceback" not in starting_stack.output
    assert [path.name for path in starting_stack.folder.iterdir()] == ["output"]


def test_ctrl_c_waits_neither_for_a_reader_nor_for_a_backend(own_stack: RunningStack) -> None:
    small_buffer = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)])
    series = {"prompt": "a lighthouse", "n": 2, "aspect_ratio": "4:1"}
    with (
        own_stack.target.client(transport=small_buffer) as reader,
        reader.stream("POST", "/v1/images/generations", json=series),
        ThreadPoolExecutor(1) as caller,
    ):
        os.kill(own_stack.child("local.painter"), signal.SIGSTOP)
        caller.submit(edit, own_stack)
        own_stack.wait_until(lambda: "EditImageFunction: cold start" in own_stack.output)
        own_stack.interrupt_and_expect_nothing_left()


def test_a_stack_that_is_killed_takes_its_children_with_it(own_stack: RunningStack) -> None:
    children = own_stack.children()
    assert len(children) == 2
    own_stack.kill()
    for pid in children:
        await_end(pid)


def test_two_stacks_run_side_by_side_and_one_that_is_terminated_leaves_nothing(
    stack: RunningStack, own_stack: RunningStack
) -> None:
    assert own_stack.base_url != stack.base_url
    assert own_stack.target.list_models(stack.token).status_code == 401
    own_stack.interrupt_and_expect_nothing_left(signal.SIGTERM)
    assert generate(stack).status_code == 200


def test_without_its_painter_the_rest_goes_on(own_stack: RunningStack) -> None:
    """Killed while it works on a request, and gone before the next one."""
    painter = own_stack.child("local.painter")
    os.kill(painter, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as caller:
        responding = caller.submit(generate, own_stack)
        own_stack.wait_until(lambda: "GenerateImageFunction: cold start" in own_stack.output)
        os.kill(painter, signal.SIGKILL)
        responses = [responding.result(), generate(own_stack)]
    errors = [(each.status_code, each.json()["error"]["code"]) for each in responses]
    assert errors == [(502, "model_error")] * 2
    assert own_stack.target.list_models(own_stack.token).status_code == 200
    own_stack.interrupt_and_expect_nothing_left()


def test_clients_that_hang_up_harm_nothing(stack: RunningStack) -> None:
    with stack.target.client() as client:
        for _ in range(3):
            with client.stream("POST", "/v1/images/generations", data=FORM) as response:
                assert next(response.iter_raw()).startswith(b"\x89PNG")
    assert generate(stack).content.endswith(b"IEND\xaeB`\x82")

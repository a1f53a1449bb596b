"""The functions under the streaming layer and AWS's runtime client, from the files of `make run`."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from local.proxy_events import HttpRequest, build_proxy_event, read_proxy_response, read_streamed_response
from tests.e2e.local_stack.running_stack import RunningStack
from tests.sample_images import decode
from tests.streaming.runtime_api import Post, RuntimeApi

pytest.importorskip("awslambdaric", reason="AWS publishes its runtime client for Linux")

# Lambda puts the wrapper before the command of its own runtime; a function without one runs that command.
START = """
set -a
. "$0"
if [ -n "${AWS_LAMBDA_EXEC_WRAPPER:-}" ]; then
    exec "$AWS_LAMBDA_EXEC_WRAPPER" "$1" /var/runtime/bootstrap.py
fi
cd "$LAMBDA_TASK_ROOT"
exec "$1" -m awslambdaric "$_HANDLER"
"""


@contextlib.contextmanager
def started(stack: RunningStack, function: str) -> Iterator[RuntimeApi]:
    """A Runtime API whose invocations the function gets."""
    api = RuntimeApi()
    process = subprocess.Popen(
        ["sh", "-euc", START, str(stack.folder / "functions" / f"{function}.env"), sys.executable],
        env={"PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": api.address},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield api
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        api.stop()


def invoke(stack: RunningStack, function: str, method: str, path: str, form: str = "") -> Post:
    """What the function posts for an urlencoded form with a token."""
    headers = {
        "Authorization": f"Bearer {stack.token}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    request = HttpRequest(method, path, "", tuple(headers.items()), form.encode())
    with started(stack, function) as api:
        return api.invoke(build_proxy_event(request, resource=path, path_parameters=None))


@pytest.mark.parametrize(
    ("function", "path", "form", "status", "content_type"),
    [
        ("generate_image", "/v1/images/generations", "prompt=a+lighthouse&resolution=1K", 200, "image/png"),
        ("edit_image", "/v1/images/edits", "prompt=dusk&images=portrait.jpg", 400, "application/json"),
    ],
)
def test_a_function_with_the_streaming_layer_streams_its_response(
    stack: RunningStack, function: str, path: str, form: str, status: int, content_type: str
) -> None:
    post = invoke(stack, function, "POST", path, form)
    assert (post.path.rpartition("/")[2], post.is_streamed, post.trailers) == ("response", True, {})
    response = read_streamed_response(iter([post.body]))
    assert (response.status, dict(response.headers)["content-type"]) == (status, content_type)
    body = b"".join(response.body)
    assert decode(body).size == (1024, 1024) if status == 200 else json.loads(body)["error"]["code"]


def test_another_function_returns_a_whole_response(stack: RunningStack) -> None:
    post = invoke(stack, "list_models", "GET", "/v1/models")
    assert not post.is_streamed
    response = read_proxy_response(json.loads(post.body))
    assert isinstance(response.body, bytes)
    assert (response.status, len(json.loads(response.body)["data"])) == (200, 2)

"""The functions under the streaming layer and AWS's runtime client, from the files of `make run`."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

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


def event(stack: RunningStack, method: str, path: str, form: str = "") -> dict[str, Any]:
    """What API Gateway makes of a urlencoded form with a token."""
    headers = {
        "Authorization": f"Bearer {stack.token}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    request = HttpRequest(method, path, "", tuple(headers.items()), form.encode())
    return build_proxy_event(request, resource=path, path_parameters=None)


def streamed(post: Post) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a response that was posted as a stream."""
    assert (post.path.partition("/response")[1], post.is_streamed, post.trailers) == ("/response", True, {})
    response = read_streamed_response(iter([post.body]))
    return response.status, dict(response.headers), b"".join(response.body)


def test_an_image_is_streamed_to_the_runtime_api(stack: RunningStack) -> None:
    form = "prompt=a+lighthouse&resolution=1K&aspect_ratio=3:2&seed=7"
    with started(stack, "generate_image") as api:
        sent = event(stack, "POST", "/v1/images/generations", form)
        posts = [api.invoke(sent, request_id=f"request-{number}") for number in (1, 2)]
    for number, post in enumerate(posts, 1):
        assert post.path == f"/invocation/request-{number}/response"
        status, headers, body = streamed(post)
        assert (status, headers["content-type"], headers["x-seed"]) == (200, "image/png", "7")
        assert headers["x-request-id"] == sent["requestContext"]["requestId"]
        assert decode(body).size == (1248, 832)


def test_an_error_is_streamed_too(stack: RunningStack) -> None:
    with started(stack, "edit_image") as api:
        post = api.invoke(event(stack, "POST", "/v1/images/edits", "prompt=at+dusk&images=portrait.jpg"))
    status, headers, body = streamed(post)
    assert (status, headers["content-type"]) == (400, "application/json")
    assert json.loads(body)["error"]["code"] == "invalid_image"


@pytest.mark.parametrize(
    ("function", "method", "path", "form", "member"),
    [
        ("request_upload", "POST", "/v1/uploads", "content_type=image/png&size=1", "id"),
        ("list_models", "GET", "/v1/models", "", "data"),
        ("health", "GET", "/health", "", "ok"),
    ],
)
def test_the_other_functions_return_a_whole_response(
    stack: RunningStack, function: str, method: str, path: str, form: str, member: str
) -> None:
    with started(stack, function) as api:
        post = api.invoke(event(stack, method, path, form))
    assert not post.is_streamed
    response = read_proxy_response(json.loads(post.body))
    assert response.status == 200
    assert isinstance(response.body, bytes)
    assert json.loads(response.body)[member]

"""The functions as they are deployed: the build's files under AWS's runtime client, with no other package.

Lambda has its own copy of the runtime client beside the layers; here the test's environment has it.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import httpx

from local.proxy_events import HttpRequest, build_proxy_event
from tests.streaming.runtime_api import RuntimeApi
from tooling.unpacked import unpack

RUNTIME_PACKAGES = ("awslambdaric", "simplejson", "snapshot-restore-py")


@dataclass(frozen=True)
class Shipped:
    """The folder of each function's code, of all layers together, and of AWS's runtime client."""

    tasks: Mapping[str, Path]
    opt: Path
    runtime: Path

    def digest(self) -> str:
        """Changes with every file that is written, removed or added."""
        seen = hashlib.sha256()
        for folder in (self.opt, *self.tasks.values()):
            for path in sorted(folder.rglob("*")):
                seen.update(f"{path} {path.stat().st_mtime_ns} {path.stat().st_size}\n".encode())
        return seen.hexdigest()


def ship(folder: Path) -> Shipped:
    """Build everything for this machine into `folder`."""
    unpacked = unpack(folder)
    return Shipped(unpacked.tasks, unpacked.opt, _link_runtime(folder / "runtime"))


def _link_runtime(folder: Path) -> Path:
    folder.mkdir()
    site_packages = Path(sysconfig.get_path("purelib"))
    for name in RUNTIME_PACKAGES:
        for entry in {file.parts[0] for file in distribution(name).files or []} - {"..", "__pycache__"}:
            (folder / entry).symlink_to(site_packages / entry)
    return folder


@dataclass(frozen=True)
class Reply:
    """What the function posted, as an HTTP response."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class ShippedFunction:
    """One environment of a deployed function, from `running_function`."""

    def __init__(self, runtime_api: RuntimeApi) -> None:
        self._runtime_api = runtime_api

    def send(self, request: httpx.Request) -> Reply:
        """The response to an HTTP request."""
        return self.send_event(_event(request))

    def send_event(self, event: dict[str, Any]) -> Reply:
        """The response to a REST proxy event."""
        return _read_post(self._runtime_api.invoke(event))

    def invoke(self, event: dict[str, Any]) -> Any:
        """The result of an event that is not an HTTP request."""
        post = self._runtime_api.invoke(event)
        assert post.path.endswith("/response"), post.body
        return json.loads(post.body)


@contextmanager
def running_function(
    shipped: Shipped,
    name: str,
    variables: Mapping[str, str],
    *,
    task: Path | None = None,
    handler: str = "handler.handler",
) -> Iterator[ShippedFunction]:
    """The function in a process of its own; `task` replaces the folder of its code."""
    runtime_api = RuntimeApi()
    environment = {
        **variables,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_RUNTIME_API": runtime_api.address,
        "LAMBDA_RUNTIME_DIR": str(shipped.runtime),
        "LAMBDA_TASK_ROOT": str(task or shipped.tasks[name]),
        "PATH": os.environ["PATH"],
        "_HANDLER": handler,
    }
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [shipped.opt / "streaming-wrapper", sys.executable, "-I", "-S", "/var/runtime/bootstrap.py"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield ShippedFunction(runtime_api)
        finally:
            runtime_api.stop()
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            output.seek(0)
            print(output.read())


def _event(request: httpx.Request) -> dict[str, Any]:
    path = request.url.path
    sent = HttpRequest(
        request.method, path, request.url.query.decode(), tuple(request.headers.items()), request.read()
    )
    return build_proxy_event(sent, resource=path, path_parameters=None)


def _read_post(post: Any) -> Reply:
    assert post.path.endswith("/response"), post.body
    if post.is_streamed:
        prelude, _, content = post.body.partition(b"\0" * 8)
        told = json.loads(prelude)
    else:
        told = json.loads(post.body)
        content = told["body"].encode()
    headers = {name.lower(): value for name, value in told.get("headers", {}).items()}
    return Reply(told["statusCode"], headers, content)

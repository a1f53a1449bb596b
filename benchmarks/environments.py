"""Execution environments of Lambda functions: a process for each, under a Runtime API that is played here.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any, Final

from benchmarks.functions import Function
from benchmarks.processes import Process, QuietHandler, running

_WAIT_SECONDS: Final = 60
_EVENT_HEADERS: Final = {
    "Content_Type": "application/json",
    "Lambda_Runtime_Aws_Request_Id": "measured",
    "Lambda_Runtime_Invoked_Function_Arn": "arn:aws:lambda:us-east-1:123456789012:function:measured",
}


class Environment(ThreadingHTTPServer):
    """An environment and its Runtime API."""

    daemon_threads = True
    process: Process

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: SimpleQueue[bytes | None] = SimpleQueue()
        # None where the environment asks for an event, else the beginning of what it posts.
        self.reports: SimpleQueue[bytes | None] = SimpleQueue()

    def invoke(self, event: Mapping[str, Any]) -> float:
        """Milliseconds until the whole response had arrived. Raises RuntimeError where it is an error."""
        started = time.perf_counter()
        self.events.put(json.dumps(event).encode())
        report = self.reports.get(timeout=_WAIT_SECONDS)
        waited = time.perf_counter() - started
        if not re.search(rb'"statusCode": ?20[02]\b', report or b""):
            raise RuntimeError(f"not a successful response: {report!r}")
        self.wait_until_idle()
        return waited * 1e3

    def cpu_ms(self, event: Mapping[str, Any]) -> float:
        """The processor time of a request, until the environment asks for the next one."""
        before = self.process.cpu_ms()
        self.invoke(event)
        return self.process.cpu_ms() - before

    def wait_until_idle(self) -> None:
        """Wait until the environment asks for an event. Raises RuntimeError where it fails first."""
        if (report := self.reports.get(timeout=_WAIT_SECONDS)) is not None:
            raise RuntimeError(f"the environment failed: {report!r}")


@contextmanager
def environment(function: Function) -> Iterator[Environment]:
    """A new environment of a function; its init is over, and its output goes to a log."""
    # Without site packages: what else this machine has installed changes what libraries import.
    command = [sys.executable, "-S", "-m", "awslambdaric", "handler.handler"]
    if function.wrapper:
        command = [function.wrapper, sys.executable, "-S", "bootstrap.py"]
    with Environment() as api:
        threading.Thread(target=api.serve_forever, args=(0.05,), daemon=True).start()
        variables = {**function.variables, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}"}
        with running(command, variables, function.code) as api.process:
            api.wait_until_idle()
            yield api
        api.events.put(None)
        api.shutdown()


class _Handler(QuietHandler):
    server: Environment

    def do_GET(self) -> None:
        self.server.reports.put(None)
        if event := self.server.events.get():
            deadline = {"Lambda_Runtime_Deadline_Ms": str(int((time.time() + _WAIT_SECONDS) * 1000))}
            self.respond(200, event, **_EVENT_HEADERS, **deadline)

    def do_POST(self) -> None:
        self.server.reports.put(self._read()[:2000])
        self.respond(202, b"")

    def _read(self) -> bytes:
        """The body; of a stream, its first chunk."""
        if length := self.headers["Content-Length"]:
            return self.rfile.read(int(length))
        first = b""
        while size := int(self.rfile.readline(), 16):
            chunk = self.rfile.read(size + 2)
            first = first or chunk
        self.rfile.readline()
        return first

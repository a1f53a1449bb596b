"""The local stack with what happens on AWS now and then: workers die, and messages come twice.

Jobs run in processes of their own. A share of them is killed (SIGKILL) before or after one of the calls that
a worker makes to AWS or a backend, so that nothing of it runs any more, as where an environment of Lambda
dies. Their function has a short timeout here, since a job comes back when its lease ends.
"""

import copy
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from botocore.httpsession import URLLib3Session
from httpx import AsyncClient

from local.environments import FunctionTimeoutError, LambdaContext, load_handler
from local.gateway import Gateway
from local.queues import EventSources
from local.run import main, run
from local.template import PROJECT, SEARCH_PATH, EventSource, Function, Template, load_template

START_SECONDS: Final = 120.0
WORKER: Final = "RunJobFunction"
WORKER_SECONDS: Final = 60
"""A lease ends a few seconds later, and the sweeper comes within a minute."""
MAX_STEPS: Final = 40
"""About how many steps a job of one image has: two for each call, one before it and one after it."""

_processes: Final = multiprocessing.get_context("forkserver")


class RoughSources(EventSources):
    """Delivers the share `doubled` of all messages twice, and kills the worker of the share `killed`."""

    def __init__(
        self,
        killed: float,
        doubled: float,
        template: Template,
        references: Mapping[str, str],
        gateway: Gateway,
        sqs: Any,
    ) -> None:
        super().__init__(template, references, gateway, sqs)
        _processes.set_forkserver_preload(["imagineart.bootstrap_workers"])
        self._killed, self._doubled = killed, doubled
        self._function = template.functions[WORKER]
        self._variables = gateway.variables[WORKER]
        self._idle: list[_Worker] = []

    def handle(self, source: EventSource, messages: list[dict[str, Any]]) -> None:
        if random.random() < self._doubled:
            threading.Thread(target=super().handle, args=(source, messages), daemon=True).start()
        super().handle(source, messages)

    def call(self, function_id: str, event: dict[str, Any]) -> Any:
        if function_id != WORKER:
            return super().call(function_id, event)
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = _Worker(self._function, self._variables)
        kill_at = random.randrange(MAX_STEPS) if random.random() < self._killed else -1
        try:
            response = worker.run(event, kill_at)
        except EOFError:
            (record,) = event["Records"]
            sys.stdout.write(f"killed {json.loads(record['body'])['job_id']} at step {kill_at}\n")
            sys.stdout.flush()
            return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
        self._idle.append(worker)
        return response


class _Worker:
    """A process that has an environment of the function."""

    def __init__(self, function: Function, variables: Mapping[str, str]) -> None:
        self._function = function
        self._connection, theirs = _processes.Pipe()
        arguments = (theirs, function, dict(variables))
        self._process = _processes.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def run(self, event: dict[str, Any], kill_at: int) -> dict[str, Any]:
        """The handler's response. Raises EOFError where the process died, FunctionTimeoutError."""
        self._connection.send((event, kill_at))
        if not self._connection.poll(self._function.timeout_seconds):
            self._process.kill()
            raise FunctionTimeoutError(self._function.id)
        response: dict[str, Any] = self._connection.recv()
        return response


def _serve(connection: Connection, function: Function, variables: dict[str, str]) -> None:
    """Handle events until the connection ends, and die where an event says so."""
    steps = 0

    def step() -> None:
        nonlocal steps
        if steps == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1

    def call_aws(*arguments: Any) -> Any:
        step()
        response = send_to_aws(*arguments)
        step()
        return response

    async def call_backend(*arguments: Any, **options: Any) -> Any:
        step()
        response = await send_to_backend(*arguments, **options)
        step()
        return response

    send_to_aws, send_to_backend = URLLib3Session.send, AsyncClient.send
    URLLib3Session.send, AsyncClient.send = call_aws, call_backend  # type: ignore[method-assign]
    kill_at, handler = -1, load_handler(function, variables)
    while True:
        try:
            event, kill_at = connection.recv()
        except EOFError:
            return
        steps = 0
        connection.send(handler(event, LambdaContext(function, time.monotonic() + function.timeout_seconds)))


def rough_template() -> Template:
    """The template with a short timeout of the worker, and what follows from it."""
    document = copy.deepcopy(dict(load_template().document))
    resources = document["Resources"]
    resources[WORKER]["Properties"]["Timeout"] = WORKER_SECONDS
    resources["JobsQueue"]["Properties"]["VisibilityTimeout"] = 6 * WORKER_SECONDS
    return Template(document)


@contextmanager
def running_stack(
    folder: Path, variables: Mapping[str, str], *, killed: float, doubled: float
) -> Iterator[int]:
    """The id of the stack's process, on a free port, whose output goes to `folder`.

    It has a session of its own: Ctrl-C reaches this process alone, which then stops it. Raises RuntimeError.
    """
    command = [sys.executable, "-m", "local.rough_stack", str(killed), str(doubled)]
    own = {**variables, "PORT": "0", "PYTHONPATH": os.pathsep.join(SEARCH_PATH)}
    with (folder / "output").open("wb") as output:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        process = subprocess.Popen(command, cwd=PROJECT, env=own, start_new_session=True, **streams)
    try:
        ends_at = time.monotonic() + START_SECONDS
        while not (folder / "env").exists():
            if process.poll() is not None or time.monotonic() > ends_at:
                raise RuntimeError(f"The stack did not start:\n{(folder / 'output').read_text()[-2000:]}")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    killed, doubled = map(float, sys.argv[1:])
    run(partial(main, rough_template(), partial(RoughSources, killed, doubled)))

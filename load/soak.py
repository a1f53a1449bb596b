"""The soak: a slow and faulty backend, the local stack in front of it, and many callers."""

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from httpx import AsyncClient, Limits
from werkzeug import Request

from load.backend import ATTEMPT_SECONDS, LoadBackend
from load.callers import Consumer, Seen, call, make_order, send
from load.promises import Finding, judge
from local.template import PROJECT, SEARCH_PATH
from local.wsgi_server import serving

CONSUMERS: Final = 5
WAIT_SECONDS: Final = 120.0
# Freed images go back to the system, so that memory which grows is held: docs/performance.md.
_ALLOCATOR: Final = {"MALLOC_MMAP_THRESHOLD_": "131072"}

_Saw: TypeAlias = tuple[list[Seen], list[Seen], list[float]]


class Plan(NamedTuple):
    """What to do; `faults` is the share of the backend's requests that fail, 0 to 1."""

    callers: int = 50
    seconds: int = 300
    backend_seconds: float = 2.0
    faults: float = 0.01
    seed: int = 1


def soak(plan: Plan, folder: Path) -> list[Finding]:
    """Do it, with the stack's state and output in `folder`. Raises RuntimeError if it cannot be done."""
    backend = LoadBackend(plan.backend_seconds, plan.faults, plan.seed)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    with contextlib.ExitStack() as running:
        url = running.enter_context(serving(Request.application(backend.respond)))
        route = f"openai-compatible {url}/v1 load response_format=png attempt={ATTEMPT_SECONDS}"
        own = {"IMAGINEART_LOCAL_STATE": str(folder), "PORT": "0", "PYTHONPATH": os.pathsep.join(SEARCH_PATH)}
        own |= _ALLOCATOR
        backends = {"IMAGINEART_GENERATION_BACKENDS": route, "IMAGINEART_EDIT_BACKENDS": route}
        variables = os.environ | own | backends
        process = running.enter_context(_stack(variables, folder))
        seen, probes, memory = asyncio.run(_call(plan, folder, _register(plan, variables), process.pid))
        usage = _cli(variables, "usage show")["usage"]
    return judge(seen, probes, backend.done, usage, memory, plan.seconds, (folder / "output").read_text())


@contextlib.contextmanager
def _stack(variables: Mapping[str, str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The local stack in a session of its own: Ctrl-C reaches this process alone, which then stops it."""
    command = [sys.executable, "-m", "local.run"]
    with (folder / "output").open("wb") as output:
        streams: dict[str, Any] = dict.fromkeys(("stdout", "stderr"), output) | {"stdin": subprocess.DEVNULL}
        process = subprocess.Popen(command, cwd=PROJECT, env=variables, start_new_session=True, **streams)
    try:
        ends_at = time.monotonic() + WAIT_SECONDS
        while not (folder / "env").exists():
            if process.poll() is not None or time.monotonic() > ends_at:
                raise RuntimeError(f"The stack did not start:\n{(folder / 'output').read_text()[-2000:]}")
            time.sleep(0.05)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _cli(variables: Mapping[str, str], command: str) -> Any:
    """What the operator's command line prints."""
    arguments = [sys.executable, "-m", "cli", *command.split(), "--json"]
    return json.loads(subprocess.check_output(arguments, cwd=PROJECT, env=variables))


def _register(plan: Plan, variables: Mapping[str, str]) -> list[Consumer]:
    """The consumers of the callers. The first has fewer slots than callers, so that some find none."""
    consumers = []
    for number in range(min(CONSUMERS, plan.callers)):
        name, members = f"load-{number}", len(range(number, plan.callers, CONSUMERS))
        slots = 2 * members if number else max(1, members - 1)
        _cli(variables, f"consumer create {name} --requests-per-minute 6000 --concurrent-requests {slots}")
        consumers.append(Consumer(name, _cli(variables, f"token create {name}")["token"], slots))
    return consumers


async def _call(plan: Plan, folder: Path, consumers: list[Consumer], stack: int) -> _Saw:
    """What the callers saw, what they saw when every slot had to be free, and the stack's memory in MB."""
    seen, probes, memory = list[Seen](), list[Seen](), list[float]()
    base_url = (folder / "env").read_text().split()[0].partition("=")[2]
    limits, ends_at = Limits(max_connections=None, keepalive_expiry=3), time.monotonic() + plan.seconds
    async with AsyncClient(base_url=base_url, limits=limits, timeout=WAIT_SECONDS, trust_env=False) as client:
        sampling = asyncio.create_task(_sample(stack, memory, max(0.5, plan.seconds / 150)))
        async with asyncio.TaskGroup() as group:
            for number in range(plan.callers):
                consumer, dice = consumers[number % len(consumers)], random.Random(f"{plan.seed} {number}")
                group.create_task(call(client, consumer, dice, ends_at, seen))
        sampling.cancel()
        for each in consumers:
            dice = random.Random(each.id)
            orders = [make_order("generation 1K", each, dice) for _ in range(each.slots)]
            probes += await asyncio.gather(*(send(client, order) for order in orders))
    return seen, probes, memory


async def _sample(stack: int, memory: list[float], every_seconds: float) -> None:
    """Note the resident memory of the stack's process and its children, again and again."""
    while True:
        await asyncio.sleep(every_seconds)
        listing = await asyncio.to_thread(subprocess.check_output, ["ps", "-A", "-o", "pid=,ppid=,rss="])
        rows = (map(int, line.split()) for line in listing.splitlines())
        memory.append(sum(rss for pid, parent, rss in rows if stack in (pid, parent)) / 1024)

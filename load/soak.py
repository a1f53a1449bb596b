"""The soak: the local stack, a backend that takes its time, many callers, and what everybody tells after.

Everything is started here, in processes of their own, and stopped here, whatever happens.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from imagineart.domain.consumers import Consumer
from imagineart.domain.limits import Limits
from imagineart.domain.tokens import TokenKind

from cli.deployments import local_services
from load.backend import ATTEMPT_SECONDS, MODEL
from load.callers import CALLERS_FILE, PATIENCE_SECONDS, Identity, write_identities
from load.journals import PAINTINGS_FILE, REQUESTS_FILE, read_paintings, read_requests
from load.memory import MemoryWatch, Sample
from load.reconciliation import Standing, Stories
from local.child_server import ChildServer, await_listening, launch
from local.gateway_server import BROKEN_OFF
from local.template import PROJECT, SEARCH_PATH

CROWD_CALLERS: Final = 3
CROWD_SLOTS: Final = 2
"""So many of the callers share a consumer that may have one request fewer under way than they make."""

REQUESTS_PER_MINUTE: Final = 6_000
STATS_FILE: Final = "locust.json"
"""Where a load generator tells, as locust does, how many requests of each kind it made."""

GATEWAY, CLOUD, BACKEND, GENERATOR = "gateway and functions", "stand-in for AWS", "load backend", "locust"

_CROWD: Final = "crowd"
_OWN_SLOTS: Final = 4
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 30.0
_SETTLED_SECONDS: Final = 15.0
_GENERATOR_LOG: Final = "locust.log"
_STACK_LOG: Final = "stack.log"
_SERVED: Final = "Ctrl-C stops everything.\n"
_COLD_START: Final = re.compile(r"\w+: cold start")


class SoakError(Exception):
    """The soak could not be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done: `faults` is the share of the backend's requests that fail, 0 to 1."""

    callers: int = 50
    seconds: int = 300
    backend_seconds: float = 2.0
    faults: float = 0.01
    seed: int = 1
    backend_module: str = "load.backend"


@dataclass(frozen=True, slots=True)
class Record:
    """What a soak left: every side's story, samples by process, and the load averages around it."""

    plan: Plan
    stories: Stories
    memory: Mapping[str, Sequence[Sample]]
    load_averages: tuple[float, float]


GeneratorCommand = Callable[[Plan, str, Path], Sequence[str]]
"""What to run that makes the load of a plan on a base URL; see `locust_command`."""


def soak(plan: Plan, folder: Path, generator_command: GeneratorCommand | None = None) -> Record:
    """Do it, with what is written down in `folder`, which is made anew. Raises SoakError."""
    command_of = generator_command or locust_command
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    before = os.getloadavg()[0]
    with contextlib.ExitStack() as everything:
        backend = everything.enter_context(_backend(plan, folder))
        stack = everything.enter_context(_stack(backend, folder))
        everything.callback((folder / CALLERS_FILE).unlink, missing_ok=True)
        write_identities(folder / CALLERS_FILE, _register(plan, folder))
        generator = everything.enter_context(
            _generator(command_of(plan, _base_url(folder), folder), plan, folder)
        )
        watch = MemoryWatch(
            {
                GATEWAY: stack.pid,
                CLOUD: _child_of(stack.pid, "local.cloud"),
                BACKEND: backend.process.pid,
                GENERATOR: generator.pid,
            },
            every_seconds=max(0.5, plan.seconds / 150),
        )
        everything.callback(watch.stop)
        watch.start()
        requests = _await_generator(generator, plan, folder)
        watch.stop()
        if stack.poll() is not None:
            raise SoakError(f"the local stack ended:\n{(folder / _STACK_LOG).read_text()[-2000:]}")
        busy = (before, os.getloadavg()[0])
        standings = _await_settled(folder)
        account = _await_account(folder)
    sent, answered = read_requests(folder / REQUESTS_FILE)
    broken = sum(each.ending == "broken" for each in answered)
    logged, aside = read_log((folder / _STACK_LOG).read_text(), broken)
    painted = read_paintings(folder / PAINTINGS_FILE)
    stories = Stories(sent, answered, painted, account, standings, logged, requests, aside)
    return Record(plan, stories, watch.samples, busy)


@contextlib.contextmanager
def _backend(plan: Plan, folder: Path) -> Iterator[ChildServer]:
    process = launch(
        plan.backend_module,
        f"--journal={folder / PAINTINGS_FILE}",
        f"--seconds={plan.backend_seconds}",
        f"--faults={plan.faults}",
        f"--fault-seed={plan.seed}",
    )
    server = ChildServer("", process)
    try:
        try:
            server = await_listening(process)
        except RuntimeError as error:
            raise SoakError(f"the load backend did not start: {error}") from error
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def _stack(backend: ChildServer, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    route = f"openai-compatible {backend.url}/v1 {MODEL} response_format=png attempt={ATTEMPT_SECONDS}"
    variables = {
        **_project_environment(folder),
        "PORT": "0",
        "IMAGINEART_GENERATION_BACKENDS": route,
        "IMAGINEART_EDIT_BACKENDS": route,
    }
    with (
        (folder / _STACK_LOG).open("wb") as output,
        _process([sys.executable, "-m", "local.run"], variables, output, signal.SIGINT) as process,
    ):
        _await(lambda: (folder / "env").exists(), process, folder / _STACK_LOG)
        yield process


def locust_command(plan: Plan, base_url: str, folder: Path) -> Sequence[str]:
    """Locust with the profile in ``locustfile.py``; its figures go to `STATS_FILE`. Raises SoakError."""
    locust = PROJECT / ".venv-load" / "bin" / "locust"
    if not locust.exists():
        raise SoakError("locust is not installed; use the word: make soak")
    return [
        str(locust),
        f"--locustfile={PROJECT / 'load' / 'locustfile.py'}",
        "--headless",
        "--only-summary",
        f"--host={base_url}",
        f"--users={plan.callers}",
        f"--spawn-rate={plan.callers}",
        f"--run-time={plan.seconds}s",
        # Whoever waits for an answer when the time is up gets it.
        f"--stop-timeout={2 * PATIENCE_SECONDS:.0f}s",
        f"--json-file={(folder / STATS_FILE).with_suffix('')}",
    ]


@contextlib.contextmanager
def _generator(command: Sequence[str], plan: Plan, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    variables = {
        **_project_environment(folder),
        "IMAGINEART_LOAD_FOLDER": str(folder),
        "IMAGINEART_LOAD_SEED": str(plan.seed),
    }
    with (
        (folder / _GENERATOR_LOG).open("wb") as output,
        _process(command, variables, output, signal.SIGTERM) as process,
    ):
        yield process


@contextlib.contextmanager
def _process(
    command: Sequence[str], variables: Mapping[str, str], output: Any, polite: signal.Signals
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in a session of its own, so that Ctrl-C reaches only this one, which then stops it."""
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(polite)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _project_environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(SEARCH_PATH), "IMAGINEART_LOCAL_STATE": str(folder)}


def _await(condition: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SoakError(f"the local stack did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)


def _register(plan: Plan, folder: Path) -> list[Identity]:
    """A consumer and a token for each caller; the last few share one consumer, each with a token."""
    services = local_services({"IMAGINEART_LOCAL_STATE": str(folder)})
    identities, known = [], set()
    for number in range(plan.callers):
        in_crowd = number >= plan.callers - CROWD_CALLERS and plan.callers > CROWD_CALLERS
        consumer = _CROWD if in_crowd else f"caller-{number:02}"
        if consumer not in known:
            slots = CROWD_SLOTS if in_crowd else _OWN_SLOTS
            services.consumers.add_consumer(Consumer(consumer, Limits(REQUESTS_PER_MINUTE, slots)))
            known.add(consumer)
        token, _ = services.manage_tokens.issue(consumer, TokenKind.PARTNER, life_days=None)
        identities.append(
            Identity(f"caller-{number:02}", consumer, token.text, REQUESTS_PER_MINUTE, in_crowd)
        )
    return identities


def _base_url(folder: Path) -> str:
    lines = (folder / "env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)["IMAGINEART_BASE_URL"]


def _child_of(parent: int, module: str) -> int:
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    return next(int(pid) for pid, its, args in rows if int(its) == parent and module in args)


def _await_generator(generator: "subprocess.Popen[bytes]", plan: Plan, folder: Path) -> int:
    """How many requests the generator counted, once it has ended. Raises SoakError."""
    try:
        generator.wait(plan.seconds + 3 * PATIENCE_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise SoakError("locust did not end in time") from error
    stats = folder / STATS_FILE
    if not stats.exists():
        raise SoakError(f"locust failed:\n{(folder / _GENERATOR_LOG).read_text()[-2000:]}")
    return sum(each["num_requests"] for each in json.loads(stats.read_text()))


def _await_settled(folder: Path) -> list[Standing]:
    """Where the consumers stand: a slot is given back a moment after the answer, so they have a while."""
    stack = json.loads((folder / "stack.json").read_text())
    table = boto3.client(
        "dynamodb",
        region_name=stack["AWS_REGION"],
        endpoint_url=stack["AWS_ENDPOINT_URL"],
        aws_access_key_id=stack["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=stack["AWS_SECRET_ACCESS_KEY"],
    )
    deadline = time.monotonic() + _SETTLED_SECONDS
    while True:
        items = table.scan(TableName=stack["IMAGINEART_CONSUMERS_TABLE"])["Items"]
        standings = [_standing(item) for item in items]
        if not any(each.slots for each in standings) or time.monotonic() > deadline:
            return standings
        time.sleep(0.2)


def _standing(item: Mapping[str, Any]) -> Standing:
    days = [int(value["N"]) for name, value in item.items() if name.startswith("day_")]
    return Standing(item["key"]["S"], len(item.get("slots", {"SS": []})["SS"]), sum(days))


def _await_account(folder: Path) -> dict[tuple[str, str, str], tuple[int, int]]:
    """The account once it says the same twice: a request is counted a moment after its slot is given back."""
    deadline = time.monotonic() + _SETTLED_SECONDS
    account = _read_account(folder)
    while (again := _read_account(folder)) != account and time.monotonic() < deadline:
        account = again
    return again


def _read_account(folder: Path) -> dict[tuple[str, str, str], tuple[int, int]]:
    """What the operator's command line tells: requests and images by consumer, model and outcome."""
    command = [sys.executable, "-m", "cli", "usage", "show", "--json"]
    done = subprocess.run(
        command, cwd=PROJECT, env=_project_environment(folder), capture_output=True, text=True, check=True
    )
    account: dict[tuple[str, str, str], tuple[int, int]] = {}
    for row in json.loads(done.stdout)["usage"]:
        key = row["consumer_id"], row["model"], row["outcome"]
        requests, images = account.get(key, (0, 0))
        account[key] = requests + row["requests"], images + row["images"]
    return account


def read_log(output: str, broken: int) -> tuple[list[str], list[str]]:
    """The request ids that the functions logged, and what else was said once the stack was served.

    That an answer broke off is expected of as many as the callers saw `broken`.
    """
    logged, aside = [], []
    for line in output.partition(_SERVED)[2].splitlines():
        if BROKEN_OFF in line and broken:
            broken -= 1
        elif line.startswith("{") and (entry := json.loads(line)).get("message") == "request":
            logged.append(entry["request_id"])
        elif line and not _COLD_START.fullmatch(line):
            aside.append(line)
    return logged, aside

"""What one would run instead: LiteLLM's proxy, and the FastAPI baseline under uvicorn, on the same backend.

Each gets the same request in OpenAI's shape, from one client and from eight at once. Ours runs as on Lambda:
an environment serves one request at a time, so eight at once take eight environments.
"""

import http.client
import json
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from statistics import median
from time import perf_counter, sleep
from typing import Final, NamedTuple, TypeAlias

from benchmarks.environments import environment
from benchmarks.figures import Figure
from benchmarks.functions import BASELINES, function
from benchmarks.processes import PROJECT, WORK, Process, running
from benchmarks.stand_ins import JSON_REQUEST, request_event, stand_ins

CLIENTS: Final = 8
_GOALS: Final = {"LiteLLM": (0.55, 0.25, 0.60), "FastAPI": (None, None, None)}
_LITELLM: Final = (f"{PROJECT}/.venv-peers/bin/litellm", "--config", f"{BASELINES}/litellm.yaml")
_FASTAPI: Final = (sys.executable, "-m", "uvicorn", "--app-dir", f"{BASELINES}/forward", "handler:app")

Round: TypeAlias = tuple[float, float, float]


class System(NamedTuple):
    """What is compared; `invoke` sends a request as one of the clients and returns milliseconds."""

    processes: Sequence[Process]
    invoke: Callable[[int], float]

    def measure(self) -> Round:
        """Milliseconds a request: processor time, waiting alone, and waiting at eight at once."""
        waits, cpu = [], [self.processes[0].cpu_ms()]
        for _ in range(9):
            waits.append(self.invoke(0))
            cpu.append(self.processes[0].cpu_ms())
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = pool.map(lambda client: [self.invoke(client) for _ in range(3)], range(CLIENTS))
            at_once = [wait for client in clients for wait in client]
        return median(after - before for before, after in pairwise(cpu)), median(waits), median(at_once)


def measure() -> list[Figure]:
    """Processor time, memory and added waiting for an image of 1K."""
    event = request_event(json=JSON_REQUEST)
    with ExitStack() as stack:
        url, backend = stack.enter_context(stand_ins())
        ours = [stack.enter_context(environment(function("generate_image", url))) for _ in range(CLIENTS)]
        systems = {
            "backend": System([backend], lambda _: _post(int(url.rpartition(":")[2]))),
            "ours": System([each.process for each in ours], lambda client: ours[client].invoke(event)),
            "LiteLLM": stack.enter_context(_server(_LITELLM, url)),
            "FastAPI": stack.enter_context(_server(_FASTAPI, url)),
        }
        # The first two rounds fill caches and are not counted.
        rounds = [{name: each.measure() for name, each in systems.items()} for _ in range(2 + 7)][2:]
        return [figure for name in _GOALS for figure in _compare(name, systems, rounds)]


def _compare(name: str, systems: dict[str, System], rounds: list[dict[str, Round]]) -> Iterator[Figure]:
    cpu, memory, wall = _GOALS[name]
    ours, theirs = ([each.peak_mb() for each in systems[key].processes] for key in ("ours", name))
    yield Figure("peers", f"1K to {name}: CPU", "ms", [(one["ours"][0], one[name][0]) for one in rounds], cpu)
    yield Figure("peers", f"one environment to {name}: memory", "MB", [(max(ours), theirs[0])], memory)
    yield Figure("peers", f"{CLIENTS} environments to {name}: memory", "MB", [(sum(ours), theirs[0])])
    for at, load in ((1, "alone"), (2, f"{CLIENTS} at once")):
        waits = [(each["ours"][at], each[name][at], each["backend"][at]) for each in rounds]
        added = [(our_wait - base, their_wait - base) for our_wait, their_wait, base in waits]
        yield Figure("peers", f"1K to {name}: added wall, {load}", "ms", added, wall)


@contextmanager
def _server(program: Sequence[str], backend_url: str) -> Iterator[System]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # LiteLLM keeps files at home, and would ask another host for prices.
    variables = {"HOME": str(WORK), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [*program, "--host", "127.0.0.1", "--port", str(port)]
    with running(command, variables | {"BACKEND_URL": f"{backend_url}/v1"}) as process:
        for _ in range(120):
            sleep(1)
            with suppress(ConnectionRefusedError):
                _post(port)
                break
        yield System([process], lambda _: _post(port))


def _post(port: int) -> float:
    """Milliseconds until the whole response had arrived. Raises RuntimeError where it is not the image."""
    headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-measuring"}
    started = perf_counter()
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.request("POST", "/v1/images/generations", json.dumps(JSON_REQUEST), headers)
    if len(content := client.getresponse().read()) < 1_500_000:
        raise RuntimeError(f"port {port} sent no image: {content[:500]!r}")
    return (perf_counter() - started) * 1e3

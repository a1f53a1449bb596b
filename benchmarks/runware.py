"""What Runware's API costs: a task over HTTP against /v1, and WebSocket clients against those over HTTP."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from statistics import quantiles
from typing import Any, Final
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect
from werkzeug import Request

from benchmarks.environments import environment
from benchmarks.figures import Figure
from benchmarks.functions import function
from benchmarks.local_stack import local_stack
from benchmarks.stand_ins import JSON_REQUEST, request_event, stand_ins
from load.backend import LoadBackend
from local.wsgi_server import serving

CLIENTS: Final = 50
_ROUND_SECONDS: Final = 15.0
"""So that the stand-in of AWS, which makes one call after another, is not what clients wait for."""
_ROUNDS: Final = 5
_UNCOUNTED: Final = 10
_TASK: Final = {
    "taskType": "imageInference",
    "model": "imagineart:2.0@0",
    "positivePrompt": JSON_REQUEST["prompt"],
    "width": 1024,
    "height": 1024,
    "outputFormat": "PNG",
}
_RESULT_SECONDS: Final = 120

Make = Callable[[], Awaitable[None]]


def measure() -> list[Figure]:
    """The processor time of a task against the same request; the waiting over WebSocket against HTTP."""
    return [Figure("runware", "a task to the same at /v1: CPU", "ms", _task_pairs(), 1.3), _measure_socket()]


def _task_pairs() -> list[tuple[float, float]]:
    """Each with an image at a URL, and repeatable: by its taskUUID, and by an Idempotency-Key."""
    pairs = []
    with (
        stand_ins() as (url, _),
        environment(function("runware", url)) as runware,
        environment(function("generate_image", url)) as generating,
    ):
        for _ in range(_UNCOUNTED + 60):
            task = request_event(path="/runware/v1", json=[_TASK | {"taskUUID": str(uuid4())}])
            key, as_url = {"Idempotency-Key": str(uuid4())}, {"response_format": "url"}
            same = request_event(headers=key, json=JSON_REQUEST | as_url)
            pairs.append((runware.cpu_ms(task), generating.cpu_ms(same)))
    return pairs[_UNCOUNTED:]


def _measure_socket() -> Figure:
    """Milliseconds until the image is announced; the backend takes two seconds. Raises if one is lost."""
    backend = LoadBackend(2.0, 0.0, 1)
    with (
        serving(Request.application(backend.respond)) as url,
        local_stack("runware", url, slots=2 * CLIENTS) as (base_url, token),
    ):
        over_http, over_socket = asyncio.run(_call(f"{base_url}/runware/v1", token))
    waits = [(_p95(over_socket), _p95(over_http))]
    return Figure("runware", f"{CLIENTS} WebSocket clients to HTTP: p95", "ms", waits, 1.5)


def _p95(waits: list[float]) -> float:
    return quantiles(waits, n=20)[-1] * 1e3


async def _call(base_url: str, key: str) -> tuple[list[float], list[float]]:
    """What clients waited over HTTP, and then over WebSocket."""
    authorization = {"Authorization": f"Bearer {key}"}
    client = httpx.AsyncClient(headers=authorization, timeout=_RESULT_SECONDS, trust_env=False)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(client)
        sockets = [
            await stack.enter_async_context(connect(base_url.replace("http", "ws", 1), proxy=None))
            for _ in range(CLIENTS)
        ]
        for socket in sockets:
            await _exchange(socket, {"taskType": "authentication", "apiKey": key})
        return (
            await _all([partial(_over_http, http, base_url)] * CLIENTS),
            await _all([partial(_over_socket, socket) for socket in sockets]),
        )


async def _all(makers: list[Make]) -> list[float]:
    """What each waited for its images, of which it asks for one in each round; all ask at different times.

    The first round starts environments and is not counted.
    """
    began = time.monotonic()

    async def make_in_turn(make: Make, turn: int) -> list[float]:
        waits = []
        for number in range(_ROUNDS):
            starts_at = began + (number + turn / CLIENTS) * _ROUND_SECONDS
            await asyncio.sleep(max(0.0, starts_at - time.monotonic()))
            await make()
            waits.append(time.monotonic() - starts_at)
        return waits[1:]

    made = await asyncio.gather(*(make_in_turn(make, turn) for turn, make in enumerate(makers)))
    return [wait for waits in made for wait in waits]


def _task() -> dict[str, Any]:
    return _TASK | {"taskUUID": str(uuid4())}


async def _over_http(client: httpx.AsyncClient, url: str) -> None:
    task = _task()
    _check((await client.post(url, json=[task])).json(), task)


async def _over_socket(socket: ClientConnection) -> None:
    await _exchange(socket, _task())


async def _exchange(socket: ClientConnection, task: dict[str, Any]) -> None:
    await socket.send(json.dumps([task]))
    async with asyncio.timeout(_RESULT_SECONDS):
        _check(json.loads(await socket.recv()), task)


def _check(response: dict[str, Any], task: dict[str, Any]) -> None:
    """Raises RuntimeError where a response is not the one result of a task."""
    (result,) = response.get("data", [{}])
    if any(result.get(name) != task[name] for name in ("taskType", "taskUUID") if name in task):
        raise RuntimeError(f"not a result of {task}: {response}")

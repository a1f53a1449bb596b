"""What a job costs when it is accepted, and how fast a queue of jobs drains."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Semaphore
from typing import Final

import httpx
from werkzeug import Request, Response

from benchmarks.environments import environment
from benchmarks.figures import Figure
from benchmarks.functions import function
from benchmarks.local_stack import local_stack
from benchmarks.stand_ins import FORM_1K, request_event, stand_ins
from load.backend import LoadBackend
from local.wsgi_server import serving

JOBS: Final = 100
_AT_ONCE: Final = 5
_UNCOUNTED: Final = 10


def measure() -> list[Figure]:
    """The processor time of accepting a job against a list of models; a queue against its backend."""
    job, models = (
        request_event(files=FORM_1K, headers={"Prefer": "respond-async"}),
        request_event("GET", "/v1/models"),
    )
    with (
        stand_ins() as (url, _),
        environment(function("generate_image", url)) as accepting,
        environment(function("list_models", url)) as listing,
    ):
        pairs = [(accepting.cpu_ms(job), listing.cpu_ms(models)) for _ in range(_UNCOUNTED + 60)]
    return [
        Figure("jobs", "accepted to GET /v1/models: CPU", "ms", pairs[_UNCOUNTED:], 2.0),
        # 90 % of the backend's rate.
        Figure("jobs", f"{JOBS} queued to their backend: wall", "s", [_drain()], 1 / 0.9),
    ]


def _drain() -> tuple[float, float]:
    """Seconds from the first image's begin to the last one's end: for jobs, and for requests to the backend.

    The backend takes two seconds for an image, and makes five at a time.
    """
    backend, places, times = LoadBackend(2.0, 0.0, 1), Semaphore(_AT_ONCE), list[float]()

    def respond(request: Request) -> Response:
        with places:
            times.append(time.monotonic())
            response = backend.respond(request)
            times.append(time.monotonic())
        return response

    def seconds(send: Callable[[str], httpx.Response]) -> float:
        times.clear()
        with ThreadPoolExecutor(2 * _AT_ONCE) as pool:
            list(pool.map(lambda seed: send(str(seed)).raise_for_status(), range(1, JOBS + 1)))
        while len(times) < 2 * JOBS:
            time.sleep(0.1)
        return max(times) - min(times)

    with serving(Request.application(respond)) as url, httpx.Client(timeout=60, trust_env=False) as client:
        direct = {"prompt": "A chef plating ramen.", "size": "1024x1024"}
        alone = seconds(lambda seed: client.post(f"{url}/images", json=direct | {"seed": seed}))
        with local_stack("jobs", url, slots=2 * _AT_ONCE) as (base_url, token):
            client.headers.update({"Authorization": f"Bearer {token}", "Prefer": "respond-async"})
            api = f"{base_url}/v1/images/generations"
            fields = {"prompt": "A chef plating ramen.", "resolution": "1K"}
            return seconds(lambda seed: client.post(api, data=fields | {"seed": seed})), alone

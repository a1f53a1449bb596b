"""Delivering a picture: from the backend's answer to the Runtime API, against the stock libraries' way.

What is compared is httpx's ``content``, Mangum's base64, and AWS's own marshaller and runtime client.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from benchmarks.applications import Application, Run, running_applications
from benchmarks.delivery_peers import start_delivery_peers
from benchmarks.events import build_delivery
from benchmarks.measurements import Measurement

SIZES_MIB: Final = (1, 4, 8, 16)
JSON_MIB: Final = 8
CPU_GOAL: Final = 0.15
WALL_GOAL: Final = 0.20
MEMORY_LIMIT_MB: Final = 2.0
MEMORY_GROWTH_LIMIT_MB: Final = 0.5
ROUNDS: Final = 9
UNCOUNTED_DELIVERIES: Final = 20
DELIVERIES_PER_ROUND: Final = 5
_HANDLERS: Final = Path(__file__).with_name("delivering")


class Delivery(NamedTuple):
    """The medians of one side at one size."""

    cpu_ms: float
    wall_ms: float
    extra_peak_mb: float


def measure() -> list[Measurement]:
    """Every size raw, and one inside a JSON answer.

    The runtime client exists for Linux only; elsewhere nothing is measured.
    """
    if sys.platform != "linux":
        return []
    with running_applications() as applications:
        sides = {
            "ours": applications.functions["generate_image"].with_code(_HANDLERS / "ours"),
            "stock": applications.naive.with_code(_HANDLERS / "stock"),
        }
        peers = start_delivery_peers()
        try:
            raw = {mib: _compare(sides, peers.url, mib, response_format="png") for mib in SIZES_MIB}
            in_json = _compare(sides, peers.url, JSON_MIB, response_format="b64_json")
        finally:
            peers.stop()
    return [
        *(each for mib, (ours, stock) in raw.items() for each in _describe(f"{mib} MiB", ours, stock)),
        _describe_growth(raw[SIZES_MIB[0]], raw[SIZES_MIB[-1]]),
        *_describe(f"{JSON_MIB} MiB in JSON", *in_json),
    ]


def _compare(
    sides: Mapping[str, Application], peers_url: str, mib: int, *, response_format: str
) -> tuple[Delivery, Delivery]:
    """Ours and stock's, by turns in fresh environments that delivered tiny pictures before."""
    variables = {
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_RUNTIME_API": urlsplit(peers_url).netloc,
        "DELIVERY_BACKEND_URL": f"{peers_url}/v1",
        "DELIVERY_RESPONSE_FORMAT": response_format,
    }
    request, warm_up = build_delivery(mib), [build_delivery(0)] * UNCOUNTED_DELIVERIES
    runs: dict[str, list[Run]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side, application in sides.items():
            runs[side].append(
                application.run(request, times=DELIVERIES_PER_ROUND, variables=variables, warm_up=warm_up)
            )
    return _summarise(runs["ours"]), _summarise(runs["stock"])


def _summarise(runs: list[Run]) -> Delivery:
    deliveries = [each for run in runs for each in run.requests]
    return Delivery(
        cpu_ms=median(each.cpu_seconds for each in deliveries) * 1e3,
        wall_ms=median(each.wall_seconds for each in deliveries) * 1e3,
        extra_peak_mb=median(run.first.peak_bytes - run.ready.peak_bytes for run in runs) / 1e6,
    )


def _describe(name: str, ours: Delivery, stock: Delivery) -> list[Measurement]:
    memory = (f"delivery of {name}: extra memory", ours.extra_peak_mb, "MB", stock.extra_peak_mb)
    return [
        Measurement(f"delivery of {name}: CPU", ours.cpu_ms, "ms", stock.cpu_ms, CPU_GOAL),
        Measurement(f"delivery of {name}: wall", ours.wall_ms, "ms", stock.wall_ms, WALL_GOAL),
        Measurement(*memory, limit=MEMORY_LIMIT_MB),
    ]


def _describe_growth(least: tuple[Delivery, Delivery], most: tuple[Delivery, Delivery]) -> Measurement:
    ours, stock = (
        after.extra_peak_mb - before.extra_peak_mb for before, after in zip(least, most, strict=True)
    )
    name = f"delivery of {SIZES_MIB[-1]} MiB over {SIZES_MIB[0]}: extra memory"
    return Measurement(name, ours, "MB", stock, limit=MEMORY_GROWTH_LIMIT_MB)

"""Cold starts: what every function costs before and with its first request, against the naive stack."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from types import MappingProxyType
from typing import Final, NamedTuple

from benchmarks import events
from benchmarks.applications import Run, running_applications
from benchmarks.events import SampleRequest
from benchmarks.measurements import Measurement

ROUNDS: Final = 7


class ColdGoals(NamedTuple):
    """The highest ratios allowed for the start alone."""

    cpu: float | None = None
    memory: float | None = None


GOALS: Final = MappingProxyType(
    {
        "generate_image": ColdGoals(cpu=0.45, memory=0.55),
        "edit_image": ColdGoals(),
        "request_upload": ColdGoals(),
        "list_models": ColdGoals(cpu=0.55),
        "health": ColdGoals(cpu=0.05),
        "unknown_request": ColdGoals(),
    }
)
REQUESTS: Final[Mapping[str, Callable[[], SampleRequest]]] = MappingProxyType(
    {
        "generate_image": events.build_generation,
        "edit_image": events.build_edit,
        "request_upload": events.build_upload_request,
        "list_models": events.build_models,
        "health": events.build_health,
        "unknown_request": events.build_unknown,
    }
)


def measure() -> list[Measurement]:
    """Start and first request of every function; fresh processes, baseline and function by turns."""
    requests = {name: build() for name, build in REQUESTS.items()}
    ours: dict[str, list[Run]] = {name: [] for name in requests}
    naive: dict[str, list[Run]] = {name: [] for name in requests}
    with running_applications() as applications:
        # Uncounted: it fills the disk cache and compiles what is not compiled yet.
        for name, request in requests.items():
            applications.naive.run(request)
            applications.functions[name].run(request)
        for _ in range(ROUNDS):
            for name, request in requests.items():
                naive[name].append(applications.naive.run(request))
                ours[name].append(applications.functions[name].run(request))
    return [each for name in requests for each in _compare(name, ours[name], naive[name])]


def _compare(name: str, ours: Sequence[Run], naive: Sequence[Run]) -> list[Measurement]:
    goals = GOALS[name]
    aspects: list[tuple[str, str, Callable[[Run], float], float | None]] = [
        ("init CPU", "ms", lambda run: run.init.cpu_seconds * 1e3, goals.cpu),
        ("init memory", "MB", lambda run: run.init.peak_bytes / 1e6, goals.memory),
        ("first answer CPU", "ms", lambda run: run.first.cpu_seconds * 1e3, None),
        ("first answer memory", "MB", lambda run: run.first.peak_bytes / 1e6, None),
    ]
    return [
        Measurement(f"{name}: {aspect}", median(map(read, ours)), unit, median(map(read, naive)), goal)
        for aspect, unit, read, goal in aspects
    ]

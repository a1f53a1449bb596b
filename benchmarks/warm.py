"""Warm requests: the processor time of one request in a running environment, AWS and the backend excluded."""

from statistics import median
from typing import Final

from benchmarks import events
from benchmarks.applications import Application, running_applications
from benchmarks.measurements import Measurement

ROUNDS: Final = 3
UNCOUNTED_REQUESTS: Final = 20
COUNTED_REQUESTS: Final = 80
REQUESTS: Final = {"list_models": events.build_models, "generate_image": events.build_generation}


def measure() -> list[Measurement]:
    """Median time of a request, ours and the baseline's by turns in fresh environments."""
    with running_applications() as applications:
        return [_compare(name, applications.functions[name], applications.naive) for name in REQUESTS]


def _compare(name: str, ours: Application, naive: Application) -> Measurement:
    request = REQUESTS[name]()
    milliseconds: dict[str, list[float]] = {"naive": [], "ours": []}
    for _ in range(ROUNDS):
        for side, application in (("naive", naive), ("ours", ours)):
            run = application.run(
                request,
                times=UNCOUNTED_REQUESTS + COUNTED_REQUESTS,
                # Neither traces: what a tracer sends with every request is not this comparison's matter.
                variables={"POWERTOOLS_TRACE_DISABLED": "true"},
            )
            milliseconds[side] += [each.cpu_seconds * 1e3 for each in run.requests[UNCOUNTED_REQUESTS:]]
    return Measurement(
        f"{name}: warm request CPU", median(milliseconds["ours"]), "ms", median(milliseconds["naive"])
    )

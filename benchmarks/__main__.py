"""`make bench`: measure, print one table, and return 1 where a goal is missed."""

import argparse
import os
import sys
import time
from typing import Final

from benchmarks import jobs, lambda_parts, peers, runware
from benchmarks.figures import HEAD, MISSED
from benchmarks.functions import build_all
from benchmarks.processes import PROJECT
from tooling.document_results import replace_results

PARTS: Final = {
    "cold": lambda_parts.measure_cold,
    "warm": lambda_parts.measure_warm,
    "delivery": lambda_parts.measure_delivery,
    "peers": peers.measure,
    "series": lambda_parts.measure_series,
    "events": lambda_parts.measure_events,
    "masks": lambda_parts.measure_operation,
    "jobs": jobs.measure,
    "runware": runware.measure,
}


def main() -> int:
    """Run the parts that the command line names."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure in ratios. Linux only.")
    parser.add_argument("--part", choices=PARTS, help="one part in place of all")
    parser.add_argument("--no-build", action="store_true", help="measure what the last run has built")
    parser.add_argument("--record", action="store_true", help="put the whole table into docs/performance.md")
    options = parser.parse_args()
    if not options.no_build:
        build_all()
    figures = [figure for name in ([options.part] if options.part else PARTS) for figure in PARTS[name]()]
    table = HEAD + "".join(figure.row() for figure in figures)
    print(table)
    if options.record and not options.part:
        run = f"{time.strftime('%Y-%m-%d')}, load average {os.getloadavg()[0]:.1f} at the end."
        replace_results(PROJECT / "docs" / "performance.md", "bench", f"{run}\n\n{table}")
    return int(MISSED in table)


if __name__ == "__main__":
    sys.exit(main())

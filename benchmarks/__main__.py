"""`make bench`: every benchmark in one run, a table, and ``.local/bench.json``."""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from rich.console import Console

from benchmarks import access, adapters, cold, delivery, metadata, package, upload, warm
from benchmarks.measurements import Measurement, any_goal_missed, encode_report, tabulate, to_markdown
from local.template import PROJECT
from tooling.document_results import replace_results

DOCUMENT: Final = PROJECT / "docs" / "performance.md"
REPORT_FILE: Final = PROJECT / ".local" / "bench.json"
BENCHES: Final[Mapping[str, Callable[[], list[Measurement]]]] = MappingProxyType(
    {
        "cold": cold.measure,
        "warm": warm.measure,
        "metadata": metadata.measure,
        "upload": upload.measure,
        "delivery": delivery.measure,
        "adapters": adapters.measure,
        "access": access.measure,
        "package": package.measure,
    }
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; return 1 where a goal is missed, so that it cannot be overlooked."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure against baselines, in ratios.")
    parser.add_argument("--only", choices=BENCHES, help="one benchmark instead of all")
    parser.add_argument("--document", action="store_true", help=f"write it into {DOCUMENT.name} too")
    options = parser.parse_args(arguments)
    chosen = options.only
    if chosen and options.document:
        parser.error("a document has all of them: leave --only away")
    console = Console()
    measurements: list[Measurement] = []
    for name in [chosen] if chosen else BENCHES:
        with console.status(f"measuring {name}"):
            measurements += BENCHES[name]()
    REPORT_FILE.parent.mkdir(exist_ok=True)
    REPORT_FILE.write_text(encode_report(measurements))
    console.print(tabulate(measurements))
    if options.document:
        replace_results(DOCUMENT, "bench", _describe_run() + to_markdown(measurements))
    return int(any_goal_missed(measurements))


def _describe_run() -> str:
    day = datetime.now(UTC).date().isoformat()
    return (
        f"{day}, CPython {platform.python_version()}, {os.cpu_count()} shared cores, load average "
        f"{os.getloadavg()[0]:.1f} at the end.\n\n"
    )


if __name__ == "__main__":
    sys.exit(main())

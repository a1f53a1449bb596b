"""`make soak`: the soak, a report of it, and ``.local/soak.json``; 1 where a promise is broken."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from load.report import judge_record, to_json, to_markdown
from load.soak import Plan, SoakError, soak
from local.template import PROJECT
from tooling.document_results import replace_results

FOLDER: Final = PROJECT / ".local" / "soak"
REPORT_FILE: Final = PROJECT / ".local" / "soak.json"
DOCUMENT: Final = PROJECT / "docs" / "performance.md"
MAX_SECONDS: Final = 3_600
MAX_CALLERS: Final = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak; return 1 where a promise is broken, 2 where nothing could be measured, 130 after Ctrl-C."""
    plan = Plan()
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--callers", type=_whole(MAX_CALLERS), default=plan.callers)
    parser.add_argument("--seconds", type=_whole(MAX_SECONDS), default=plan.seconds)
    parser.add_argument("--backend-seconds", type=_bounded(60), default=plan.backend_seconds)
    parser.add_argument("--faults", type=_bounded(1), default=plan.faults, help="share, 0 to 1")
    parser.add_argument("--seed", type=int, default=plan.seed)
    parser.add_argument("--document", action="store_true", help=f"write it into {DOCUMENT.name} too")
    chosen = parser.parse_args(arguments)
    plan = Plan(chosen.callers, chosen.seconds, chosen.backend_seconds, chosen.faults, chosen.seed)
    signal.signal(signal.SIGTERM, _interrupt)
    print(f"{plan.callers} callers for {plan.seconds} s; Ctrl-C stops everything.", flush=True)
    try:
        report = judge_record(soak(plan, FOLDER), datetime.now(UTC).date().isoformat())
    except SoakError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped; nothing is left running.", file=sys.stderr)
        return 130
    REPORT_FILE.write_text(json.dumps(to_json(report), indent=2) + "\n")
    print(to_markdown(report))
    if chosen.document:
        replace_results(DOCUMENT, "soak", to_markdown(report))
    return int(not report.holds)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _whole(highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not 1 <= int(text) <= highest:
            raise argparse.ArgumentTypeError(f"got {text}; allowed is 1 to {highest}")
        return int(text)

    return read


def _bounded(highest: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        if not 0 <= float(text) <= highest:
            raise argparse.ArgumentTypeError(f"got {text}; allowed is 0 to {highest:g}")
        return float(text)

    return read


if __name__ == "__main__":
    sys.exit(main())

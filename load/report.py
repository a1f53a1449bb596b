"""The report of a soak: what was promised and whether it held, as Markdown and as JSON."""

import platform
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from load.faults import Fate
from load.journals import Answered
from load.memory import Growth, measure_growth
from load.reconciliation import Finding, Promise, reconcile
from load.soak import BACKEND, CLOUD, GATEWAY, GENERATOR, Plan, Record

MEASURED: Sequence[str] = (GATEWAY, CLOUD, BACKEND, GENERATOR)
JUDGED: Sequence[str] = (GATEWAY, CLOUD)
"""Whose memory has to be flat: the stack's. The others only make the load."""

_SHOWN_FINDINGS = 20


@dataclass(frozen=True, slots=True)
class Report:
    """What a soak has shown; `day` is its date (UTC) in ISO form."""

    record: Record
    findings: Sequence[Finding]
    growth: Mapping[str, Growth | None]
    day: str

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return not self.findings


def judge_record(record: Record, day: str) -> Report:
    """Compare what everybody tells, and look at the memory."""
    growth = {name: measure_growth(samples) for name, samples in record.memory.items()}
    findings = [*reconcile(record.stories), *_growing(growth)]
    return Report(record, findings, growth, day)


def _growing(growth: Mapping[str, Growth | None]) -> list[Finding]:
    findings = []
    for name in JUDGED:
        grown = growth.get(name)
        if grown is None:
            findings.append(Finding(Promise.MEMORY_IS_FLAT, f"{name}: too few samples to say"))
        elif not grown.is_flat:
            text = f"{name}: from {grown.early_mb:.0f} to {grown.late_mb:.0f} MB"
            findings.append(Finding(Promise.MEMORY_IS_FLAT, text))
    return findings


def to_markdown(report: Report) -> str:
    """The tables for a reader, and for ``docs/performance.md``."""
    broken = Counter(each.promise for each in report.findings)
    promises = [(promise, f"no: {broken[promise]}" if broken[promise] else "yes") for promise in Promise]
    blocks = [
        _describe_run(report),
        _table(("Promise", "Held"), promises),
        _table(
            ("Requests", "Number", "Ended well", "p50 s", "p95 s", "Longest s", "MB"),
            _rows_of_requests(report),
            right_from=1,
        ),
        _describe_faults(report),
        _table(
            ("Process", "MB, second fifth", "MB, last fifth", "MB a minute", "Peak MB", "Processor s"),
            _rows_of_processes(report),
            right_from=1,
        ),
    ]
    shown = report.findings[:_SHOWN_FINDINGS]
    if shown:
        blocks.append("\n".join(f"- {each.promise}: {each.text}" for each in shown))
    return "\n\n".join(blocks) + "\n"


def _describe_run(report: Report) -> str:
    plan, stories = report.record.plan, report.record.stories
    before, after = report.record.load_averages
    painted = sum(each.fate is Fate.PAINTED for each in stories.painted)
    return (
        f"{report.day}, CPython {platform.python_version()}, {plan.callers} callers for {plan.seconds} s, a "
        f"backend of {plan.backend_seconds:g} s, faults in {plan.faults:.1%} of its requests, load average "
        f"{before:.1f} before and {after:.1f} at the end.\n{len(stories.answered)} requests "
        f"({len(stories.answered) / plan.seconds:.1f} a second), {painted} pictures, "
        f"{sum(each.body_bytes for each in stories.answered) / 1e9:.1f} GB of answers."
    )


def _rows_of_requests(report: Report) -> list[tuple[str, ...]]:
    kinds: dict[str, list[Answered]] = {}
    kind_of = {each.id: each.kind for each in report.record.stories.sent}
    for each in report.record.stories.answered:
        kinds.setdefault(kind_of.get(each.id, "unknown"), []).append(each)
    rows = []
    for kind, answers in sorted(kinds.items()):
        seconds = sorted(each.seconds for each in answers)
        well = sum(each.ending in ("ok", "replayed") for each in answers)
        mb = sum(each.body_bytes for each in answers) / 1e6
        p95 = seconds[round(0.95 * (len(seconds) - 1))]
        figures = (statistics.median(seconds), p95, seconds[-1])
        rows.append((kind, str(len(answers)), str(well), *(f"{each:.2f}" for each in figures), f"{mb:.0f}"))
    return rows


def _describe_faults(report: Report) -> str:
    stories = report.record.stories
    fates = Counter(each.fate for each in stories.painted if each.fate is not Fate.PAINTED)
    endings = Counter(each.ending for each in stories.answered)
    done = ", ".join(f"{fate} {number}" for fate, number in sorted(fates.items())) or "none"
    told = ", ".join(f"{ending} {number}" for ending, number in sorted(endings.items()))
    return f"Faults of the backend: {done}.\nEndings that callers saw: {told}."


def _rows_of_processes(report: Report) -> list[tuple[str, ...]]:
    rows = []
    for name in MEASURED:
        grown, samples = report.growth.get(name), report.record.memory.get(name, ())
        if grown is not None:
            figures = (grown.early_mb, grown.late_mb, grown.per_minute_mb, grown.peak_mb)
            cpu = f"{samples[-1].cpu_seconds:.0f}"
            rows.append((name, *(f"{each:.0f}" for each in figures), cpu))
    return rows


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], right_from: int = 99) -> str:
    rule = ["---:" if column >= right_from else "---" for column in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))


def to_json(report: Report) -> dict[str, Any]:
    """The report as ``.local/soak.json`` keeps it."""
    plan: Plan = report.record.plan
    return {
        "day": report.day,
        "holds": report.holds,
        "plan": asdict(plan),
        "requests": len(report.record.stories.answered),
        "findings": [asdict(each) for each in report.findings],
        "memory": {
            name: None if grown is None else {**asdict(grown), "is_flat": grown.is_flat}
            for name, grown in report.growth.items()
        },
        "samples": {
            name: [[round(each.at, 1), round(each.resident_mb, 1)] for each in samples]
            for name, samples in report.record.memory.items()
        },
        "load_averages": list(report.record.load_averages),
    }

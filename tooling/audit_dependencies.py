"""Asks whether locked packages have known weaknesses; `make audit`.

pip-audit asks the package index's own advisories. A mirror seldom has them, and a machine without a way out
reaches nobody: then this says that nothing was learnt, and does not fail. A weakness fails.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_NOBODY_ANSWERED: Final = re.compile(
    r"requests\.exceptions\.|ServiceError|Could not connect|Failed to connect|not redirecting|timed out"
)
_SECONDS: Final = 300


class AuditFailedError(Exception):
    """pip-audit failed otherwise than because nobody answered; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What was learnt about a lock: weaknesses, how many packages were known, and the names of the others."""

    weaknesses: tuple[str, ...]
    known: int
    unknown: tuple[str, ...]


def audit(program: Path, lock: Path) -> Audit | None:
    """Ask about a lock; None where nobody answered. Raises AuditFailedError."""
    command = [str(program), "--no-deps", "--disable-pip", "--require-hashes", "--progress-spinner=off"]
    done = subprocess.run(
        [*command, "--format=json", "--requirement", str(lock)],
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    try:
        return read_report(json.loads(done.stdout))
    except ValueError as error:
        if _NOBODY_ANSWERED.search(done.stderr):
            return None
        raise AuditFailedError(done.stdout + done.stderr) from error


def read_report(report: dict[str, Any]) -> Audit:
    """Read pip-audit's JSON. Source: https://github.com/pypa/pip-audit#usage"""
    weaknesses: list[str] = []
    unknown: list[str] = []
    for package in report["dependencies"]:
        if "skip_reason" in package:
            unknown.append(package["name"])
        for each in package.get("vulns", ()):
            mended = ", ".join(each["fix_versions"]) or "no version yet"
            names = ", ".join([each["id"], *each["aliases"]])
            weaknesses.append(f"{package['name']} {package['version']}: {names}; mended in {mended}")
    return Audit(tuple(weaknesses), len(report["dependencies"]) - len(unknown), tuple(unknown))


def describe(lock: Path, found: Audit | None) -> str:
    """What is told about a lock."""
    if found is None or not found.known:
        return f"{lock}: nothing was learnt, because the index's advisories did not answer."
    told = [f"{lock}: {found.known} packages asked about, {len(found.weaknesses)} known weaknesses."]
    if found.unknown:
        told.append(f"  not known there: {', '.join(found.unknown)}")
    return "\n".join([*told, *(f"  {each}" for each in found.weaknesses)])


def main(arguments: Sequence[str]) -> int:
    """Audit locks, all arguments but the first, with pip-audit, the first; 1 where a weakness is known."""
    program, *locks = map(Path, arguments)
    failed = False
    for lock in locks:
        found = audit(program, lock)
        print(describe(lock, found), flush=True)
        failed = failed or bool(found and found.weaknesses)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""How much memory each process has over time, and whether that is flat."""

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

ALLOWED_GROWTH_SHARE: Final = 0.05
ALLOWED_GROWTH_MB: Final = 8.0
MIN_SAMPLES: Final = 10

_KB_PER_MB: Final = 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """The resident memory of one process, `at` seconds after the start."""

    at: float
    resident_mb: float


@dataclass(frozen=True, slots=True)
class Growth:
    """The median of the second fifth of a run and that of its last, in MB, and their difference a minute.

    The first fifth is left out: environments start in it.
    """

    early_mb: float
    late_mb: float
    per_minute_mb: float
    peak_mb: float

    @property
    def is_flat(self) -> bool:
        """Whether the last fifth is no more than 5 % and 8 MB above the second."""
        return self.late_mb <= self.early_mb * (1 + ALLOWED_GROWTH_SHARE) + ALLOWED_GROWTH_MB


def measure_growth(samples: Sequence[Sample]) -> Growth | None:
    """How memory grew; None where there are too few samples to say."""
    if len(samples) < MIN_SAMPLES:
        return None
    fifth = len(samples) // 5
    early, late = samples[fifth : 2 * fifth], samples[-fifth:]
    minutes = (median(each.at for each in late) - median(each.at for each in early)) / 60
    early_mb = median(each.resident_mb for each in early)
    late_mb = median(each.resident_mb for each in late)
    return Growth(
        early_mb,
        late_mb,
        (late_mb - early_mb) / minutes,
        max(each.resident_mb for each in samples),
    )


def resident_mb(process_ids: Sequence[int]) -> dict[int, float]:
    """The resident memory of those of the processes that run."""
    command = ["ps", "-o", "pid=,rss=", "-p", ",".join(map(str, process_ids))]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = (line.split() for line in listed.stdout.splitlines())
    return {int(process_id): int(kilobytes) / _KB_PER_MB for process_id, kilobytes in rows}


@dataclass
class MemoryWatch:
    """Samples processes, by name, from `start` to `stop`."""

    process_ids: Mapping[str, int]
    every_seconds: float
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to sample."""
        self.samples = {name: [] for name in self.process_ids}
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Sample no more."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        started = time.monotonic()
        while not self._over.wait(self.every_seconds):
            found = resident_mb(list(self.process_ids.values()))
            for name, process_id in self.process_ids.items():
                if process_id in found:
                    self.samples[name].append(Sample(time.monotonic() - started, found[process_id]))

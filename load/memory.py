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
    """The resident memory of one process, `at` seconds after the start, and the processor time it took."""

    at: float
    resident_mb: float
    cpu_seconds: float = 0.0


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


def take_samples(process_ids: Sequence[int], at: float) -> dict[int, Sample]:
    """A sample of each of the processes that runs."""
    command = ["ps", "-o", "pid=,rss=,time=", "-p", ",".join(map(str, process_ids))]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = (line.split() for line in listed.stdout.splitlines())
    return {
        int(process_id): Sample(at, int(kilobytes) / _KB_PER_MB, read_cpu_seconds(time_text))
        for process_id, kilobytes, time_text in rows
    }


def read_cpu_seconds(text: str) -> float:
    """The seconds of ``[[<days>-]<hours>:]<minutes>:<seconds>``, as ``ps`` writes processor time.

    Source: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/ps.html
    """
    days, _, clock = text.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = 60 * seconds + float(part)
    return 86_400 * int(days or 0) + seconds


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
            found = take_samples(list(self.process_ids.values()), time.monotonic() - started)
            for name, process_id in self.process_ids.items():
                if process_id in found:
                    self.samples[name].append(found[process_id])

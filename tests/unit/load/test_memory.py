import os
import random

import pytest

from load.memory import MIN_SAMPLES, Sample, measure_growth, read_cpu_seconds, take_samples

RUN_SECONDS = 300


def samples(megabytes_at: object, count: int = 150) -> list[Sample]:
    times = [RUN_SECONDS * number / count for number in range(count)]
    return [Sample(at, megabytes_at(at)) for at in times]


def test_memory_that_only_wavers_is_flat() -> None:
    dice = random.Random(1)
    assert measure_growth(samples(lambda at: 180 + dice.uniform(-15, 15))).is_flat


def test_what_is_taken_while_environments_start_is_no_growth() -> None:
    growth = measure_growth(samples(lambda at: min(180.0, 60 + 4 * at)))
    assert growth.is_flat
    assert (growth.early_mb, growth.late_mb, growth.per_minute_mb) == (180, 180, 0)


def test_a_picture_kept_every_ten_seconds_is_a_leak() -> None:
    growth = measure_growth(samples(lambda at: 180 + 5.6 * (at // 10)))
    assert not growth.is_flat
    assert growth.per_minute_mb == pytest.approx(33.6, rel=0.1)


def test_a_slow_leak_under_wavering_memory_is_seen() -> None:
    dice = random.Random(1)
    assert not measure_growth(samples(lambda at: 180 + 8 * at / 60 + dice.uniform(-5, 5))).is_flat


def test_one_high_moment_is_no_leak() -> None:
    growth = measure_growth(samples(lambda at: 400.0 if 290 < at < 293 else 180.0))
    assert growth.is_flat
    assert growth.peak_mb == 400


def test_a_leak_that_is_given_back_at_the_very_end_is_still_one() -> None:
    assert not measure_growth(samples(lambda at: 60 if at > 297 else 180 + at)).is_flat


def test_too_few_samples_tell_nothing() -> None:
    assert measure_growth(samples(lambda at: 1.0, count=MIN_SAMPLES - 1)) is None
    assert measure_growth([]) is None


def test_a_process_that_runs_is_measured_and_one_that_does_not_is_left_out() -> None:
    never = 2**22 + 1
    taken = take_samples([os.getpid(), never], at=3.0)
    assert set(taken) == {os.getpid()}
    assert taken[os.getpid()].resident_mb > 5
    assert taken[os.getpid()].at == 3.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00:07", 7), ("01:02:03", 3723), ("2-01:00:00", 176_400), ("3:07.50", 187.5)],
)
def test_processor_time_is_read_as_ps_writes_it(text: str, seconds: float) -> None:
    assert read_cpu_seconds(text) == seconds

from collections import Counter

import pytest

from load.faults import FAULTS, Fate, FaultRule


def fates(share: float, seed: int = 1, count: int = 20_000) -> list[Fate]:
    rule = FaultRule(share, seed)
    return [rule.next_fate(number) for number in range(1, count + 1)]


def test_the_same_seed_fails_the_same_requests() -> None:
    assert fates(0.01) == fates(0.01)
    assert fates(0.01) != fates(0.01, seed=2)


@pytest.mark.parametrize("share", [0.01, 0.2])
def test_as_many_fail_as_are_meant_to(share: float) -> None:
    failed = sum(fate is not Fate.PAINTED for fate in fates(share))
    assert failed / 20_000 == pytest.approx(share, rel=0.15)


def test_every_kind_of_fault_has_its_turn() -> None:
    counted = Counter(fates(0.01))
    assert set(counted) == {Fate.PAINTED, *FAULTS}
    assert max(counted[fault] for fault in FAULTS) - min(counted[fault] for fault in FAULTS) <= 1


def test_nobody_or_everybody_can_be_failed() -> None:
    assert set(fates(0, count=100)) == {Fate.PAINTED}
    assert set(fates(1, count=100)) == set(FAULTS)

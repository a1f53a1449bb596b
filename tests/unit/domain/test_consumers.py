"""The parties that tokens are issued to, and their bounds."""

import pytest

from imagineart.domain.consumers import MAX_REQUESTS_PER_MINUTE, TIER_REQUESTS_PER_MINUTE, Consumer
from imagineart.domain.errors import InvalidRequestError


def test_the_tiers_are_10_30_and_100_requests_a_minute() -> None:
    assert dict(TIER_REQUESTS_PER_MINUTE) == {"free": 10, "basic": 30, "premium": 100}


@pytest.mark.parametrize("id_", ["a", "0", "mobile-backend", "partner--2", "x" * 63])
def test_plain_ids_are_accepted(id_: str) -> None:
    assert Consumer(id_, 10).id == id_


@pytest.mark.parametrize(
    "id_", ["", "-a", "a-", "A", "a_b", "a b", "a#b", "a\n", "é", "٣", "x" * 64, "x" * 100_000],
    ids=lambda id_: ascii(id_[:20]),
)  # fmt: skip
def test_other_ids_are_refused_by_name(id_: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"(?s)^consumer: got '.{0,80}'; allowed are 1 to 63"):
        Consumer(id_, 10)


@pytest.mark.parametrize("limit", [1, 6000, MAX_REQUESTS_PER_MINUTE])
def test_any_custom_limit_within_bounds_is_accepted(limit: int) -> None:
    assert Consumer("acme", limit).requests_per_minute == limit


@pytest.mark.parametrize("limit", [0, -1, MAX_REQUESTS_PER_MINUTE + 1])
def test_limits_out_of_bounds_are_refused_by_name(limit: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"^requests_per_minute: got {limit}; allowed is 1 to"):
        Consumer("acme", limit)

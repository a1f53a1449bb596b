"""The parties that tokens are issued to, and their tiers."""

import pytest

from imagineart.access.consumers import TIERS, Consumer, check_models
from imagineart.errors import InvalidRequestError

OFFERED = ("text-to-image", "image-edit")
BASIC = TIERS["basic"]


def test_the_tiers_are_10_30_and_100_requests_a_minute() -> None:
    assert {name: limits.requests_per_minute for name, limits in TIERS.items()} == {
        "free": 10, "basic": 30, "premium": 100,
    }  # fmt: skip


@pytest.mark.parametrize("id_", ["a", "0", "mobile-backend", "partner--2", "x" * 63])
def test_plain_ids_are_accepted(id_: str) -> None:
    assert Consumer(id_, BASIC).id == id_


@pytest.mark.parametrize(
    "id_", ["", "-a", "a-", "A", "a_b", "a b", "a#b", "a\n", "é", "٣", "x" * 64, "x" * 100_000],
    ids=lambda id_: ascii(id_[:20]),
)  # fmt: skip
def test_other_ids_are_refused_by_name(id_: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"(?s)^consumer: got '.{0,80}'; allowed: 1 to 63"):
        Consumer(id_, BASIC)


def test_a_consumer_may_use_every_model_or_those_it_was_allowed_also_one_that_is_no_longer_offered() -> None:
    assert all(Consumer("acme", BASIC).may_use(model) for model in OFFERED)
    editor = Consumer("acme", BASIC, frozenset({"an-earlier-model", "image-edit"}))
    assert (editor.may_use("image-edit"), editor.may_use("text-to-image")) == (True, False)


@pytest.mark.parametrize(
    ("models", "message"),
    [({"dall-e"}, "got 'dall-e'; allowed: text-to-image, image-edit"), (set(), "got none")],
)
def test_models_that_are_not_offered_are_refused_by_name(models: set[str], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^models: {message}"):
        check_models(frozenset(models), OFFERED)

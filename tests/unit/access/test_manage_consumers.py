"""The operator registers consumers and changes their limits and models."""

import pytest

from imagineart.access.consumers import TIERS, Consumer
from imagineart.access.limits import Limits
from imagineart.access.manage_consumers import ConsumerChange, ManageConsumers
from imagineart.errors import InvalidRequestError, NotFoundError
from tests.fakes.consumers import InMemoryConsumers

PREMIUM = TIERS["premium"]
EDITS = frozenset({"image-edit"})


@pytest.fixture
def consumers() -> InMemoryConsumers:
    return InMemoryConsumers()


@pytest.fixture
def manage(consumers: InMemoryConsumers) -> ManageConsumers:
    return ManageConsumers(consumers)


def test_a_consumer_is_of_the_basic_tier_and_may_use_every_model(manage: ManageConsumers) -> None:
    assert manage.create("acme", ConsumerChange()) == Consumer("acme", TIERS["basic"], None)
    assert manage.find("acme") == Consumer("acme", TIERS["basic"], None)


@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_brings_its_limits(manage: ManageConsumers, tier: str) -> None:
    assert manage.create("acme", ConsumerChange(tier=tier)).limits == TIERS[tier]


def test_a_named_limit_replaces_the_tiers(manage: ManageConsumers) -> None:
    change = ConsumerChange(
        tier="premium", requests_per_minute=7, concurrent_requests=3, images_per_day=9, models=EDITS
    )
    assert manage.create("acme", change) == Consumer("acme", Limits(7, 3, 9), EDITS)


def test_an_id_is_used_once(manage: ManageConsumers) -> None:
    first = manage.create("acme", ConsumerChange(tier="free"))
    with pytest.raises(InvalidRequestError, match=r"^consumer: got 'acme', which exists already"):
        manage.create("acme", ConsumerChange(tier="premium"))
    assert manage.list() == [first]


def test_consumers_are_listed_by_id(manage: ManageConsumers) -> None:
    for consumer_id in ("b", "c", "a"):
        manage.create(consumer_id, ConsumerChange())
    assert [consumer.id for consumer in manage.list()] == ["a", "b", "c"]


HELD = ConsumerChange(tier="free", images_per_day=50, models=EDITS)


@pytest.mark.parametrize(
    ("change", "limits", "models"),
    [
        (ConsumerChange(requests_per_minute=11), Limits(11, 2, 50), EDITS),
        (ConsumerChange(concurrent_requests=9), Limits(10, 9, 50), EDITS),
        (ConsumerChange(images_per_day=60), Limits(10, 2, 60), EDITS),
        (ConsumerChange(lifts_images_per_day=True), Limits(10, 2, None), EDITS),
        (ConsumerChange(tier="premium"),
         Limits(PREMIUM.requests_per_minute, PREMIUM.concurrent_requests, 50), EDITS),
        (ConsumerChange(tier="premium", lifts_images_per_day=True), PREMIUM, EDITS),
        (ConsumerChange(models=frozenset({"text-to-image"})), Limits(10, 2, 50),
         frozenset({"text-to-image"})),
        (ConsumerChange(allows_all_models=True), Limits(10, 2, 50), None),
    ],
)  # fmt: skip
def test_an_update_changes_what_it_names_and_nothing_else(
    manage: ManageConsumers, change: ConsumerChange, limits: Limits, models: frozenset[str] | None
) -> None:
    manage.create("acme", HELD)
    assert manage.update("acme", change) == Consumer("acme", limits, models)
    assert manage.find("acme") == Consumer("acme", limits, models)


def test_an_update_that_names_nothing_is_refused(manage: ManageConsumers) -> None:
    manage.create("acme", HELD)
    with pytest.raises(InvalidRequestError, match=r"^consumer: got nothing to change"):
        manage.update("acme", ConsumerChange())


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"tier": "gold"}, "^tier: got 'gold'; allowed are free, basic, premium"),
        ({"tier": ""}, "^tier: got ''"),
        ({"requests_per_minute": 0}, "^requests_per_minute: got 0; allowed is 1 to"),
        ({"concurrent_requests": -1}, "^concurrent_requests: got -1"),
        ({"images_per_day": 10**9}, "^images_per_day: got 1000000000"),
        ({"images_per_day": 5, "lifts_images_per_day": True}, "^images_per_day: .*give one of them"),
        ({"models": EDITS, "allows_all_models": True}, "^models: .*give one of them"),
        ({"models": frozenset({"dall-e"})}, "^models: got 'dall-e'; allowed are text-to-image, image-edit"),
        ({"models": frozenset()}, "^models: got none"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_nothing_changed(
    manage: ManageConsumers, named: dict, message: str
) -> None:
    before = manage.create("acme", HELD)
    with pytest.raises(InvalidRequestError, match=message):
        manage.update("acme", ConsumerChange(**named))
    with pytest.raises(InvalidRequestError, match=message):
        manage.create("other", ConsumerChange(**named))
    assert manage.list() == [before]


def test_an_unknown_consumer_is_neither_shown_nor_changed(manage: ManageConsumers) -> None:
    with pytest.raises(NotFoundError, match=r"^consumer: got 'acme', which does not exist"):
        manage.find("acme")
    with pytest.raises(NotFoundError):
        manage.update("acme", ConsumerChange(tier="free"))
    assert manage.list() == []


def test_a_consumer_that_is_gone_meanwhile_does_not_come_back(
    consumers: InMemoryConsumers, manage: ManageConsumers, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = manage.create("acme", HELD)
    consumers.consumers.clear()
    monkeypatch.setattr(InMemoryConsumers, "find_consumer", lambda *_: held)
    with pytest.raises(NotFoundError):
        manage.update("acme", ConsumerChange(tier="free"))
    assert manage.list() == []


@pytest.mark.parametrize("consumer_id", ["", "Acme", "a b", "../a", "\udcff", "a" * 64, "[red]"])
def test_a_malformed_id_reaches_no_store(
    manage: ManageConsumers, monkeypatch: pytest.MonkeyPatch, consumer_id: str
) -> None:
    monkeypatch.delattr(InMemoryConsumers, "find_consumer")
    with pytest.raises(InvalidRequestError, match=r"^consumer: got "):
        manage.find(consumer_id)

"""The operator registers consumers and changes their limits and models."""

import pytest

from imagineart.access.consumers import TIERS, Consumer
from imagineart.access.limits import Limits
from imagineart.access.manage_consumers import ConsumerChange, ManageConsumers
from imagineart.errors import InvalidRequestError, NotFoundError
from tests.fakes.consumers import InMemoryConsumers

PREMIUM = TIERS["premium"]
EDITS = frozenset({"image-edit"})
HELD = ConsumerChange(tier="free", images_per_day=50, models=EDITS)


@pytest.fixture
def consumers() -> InMemoryConsumers:
    return InMemoryConsumers()


@pytest.fixture
def manage(consumers: InMemoryConsumers) -> ManageConsumers:
    return ManageConsumers(consumers, lambda: ("text-to-image", "image-edit"))


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

"""A job counts its images for the day once, gives them back once, and holds a slot that counts nothing."""

import pytest

from imagineart.access.consumer_store import ConsumerStore
from imagineart.access.consumers import Consumer
from imagineart.access.job_counters import JobCounters
from imagineart.access.limits import Limits, Slot
from tests.fakes.consumers import InMemoryConsumers
from tests.stores.tables import new_table, standing_of

NOW = 1_800_000_000
Counters = JobCounters | InMemoryConsumers
Consumers = ConsumerStore | InMemoryConsumers


@pytest.fixture(params=["memory", "moto", "dynalite"])
def stores(request: pytest.FixtureRequest) -> tuple[Counters, Consumers]:
    """What jobs count, and what requests of the same consumer see of it."""
    if request.param == "memory":
        both = InMemoryConsumers()
        stores: tuple[Counters, Consumers] = (both, both)
    else:
        table = new_table(request.getfixturevalue(request.param), "ConsumersTable")
        stores = (JobCounters(table), ConsumerStore(table))
    stores[1].add_consumer(Consumer("acme", Limits(10, 2, images_per_day=5)))
    return stores


def test_images_of_a_job_are_counted_once_while_the_day_has_room(stores: tuple[Counters, Consumers]) -> None:
    counters, consumers = stores

    def count(job_id: str, images: int, *, limit: int = 5, consumer_id: str = "acme") -> bool | None:
        entrance = counters.count_images(
            consumer_id, now=NOW, job_id=job_id, images=images, images_per_day=limit
        )
        return entrance.admitted if entrance else None

    assert [count("job-1", 3), count("job-1", 3)] == [True, True]
    assert standing_of(consumers, "acme", NOW).images_today == 3
    assert not count("job-2", 3)
    assert not count("job-2", 1, limit=9), "the limit is another one"
    assert count("job-2", 2)
    assert standing_of(consumers, "acme", NOW).images_today == 5
    assert count("job-1", 1, consumer_id="unknown") is None


def test_images_are_given_back_once_to_the_day_on_which_they_were_counted(
    stores: tuple[Counters, Consumers],
) -> None:
    counters, consumers = stores
    counters.count_images("acme", now=NOW, job_id="job-1", images=4, images_per_day=5)
    for _ in range(2):
        counters.give_images_back("acme", counted_at=NOW, job_id="job-1", images=3)
    assert standing_of(consumers, "acme", NOW).images_today == 1


def test_a_job_holds_a_slot_beside_those_of_requests(stores: tuple[Counters, Consumers]) -> None:
    counters, consumers = stores
    slots = [Slot(NOW + 100, str(number)) for number in range(3)]
    assert consumers.take_slot("acme", now=NOW, slot=slots[0], counts_request=True)
    held = [counters.hold_slot("acme", now=NOW, slot=slot) for slot in (slots[1], slots[1], slots[2])]
    assert [entrance.admitted for entrance in held if entrance] == [True, True, False]
    assert standing_of(consumers, "acme", NOW).slots == frozenset(slots[:2])
    assert standing_of(consumers, "acme", NOW).images_today == 1
    counters.drop_slots("acme", [slots[1]])
    assert standing_of(consumers, "acme", NOW).slots == frozenset(slots[:1])
    assert standing_of(consumers, "acme", NOW).images_today == 1
    assert counters.hold_slot("unknown", now=NOW, slot=slots[1]) is None


def test_the_limit_of_a_consumer_is_found(stores: tuple[Counters, Consumers]) -> None:
    assert [stores[0].concurrent_requests(name) for name in ("acme", "unknown")] == [2, None]

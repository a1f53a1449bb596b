"""One conditional update checks every limit of a consumer and counts, or does neither."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from imagineart.access.admit import Admission, RequestLimits
from imagineart.access.consumer_store import ConsumerStore
from imagineart.access.consumers import Consumer, Entrance
from imagineart.access.limits import (
    DAY_SECONDS,
    MAX_CONCURRENT_REQUESTS,
    MINUTE_SECONDS,
    LimitReachedError,
    Limits,
    Slot,
    Standing,
    window_start,
)
from imagineart.aws import AwsClients
from imagineart.errors import InternalError
from tests.fakes.clock import FakeClock
from tests.fakes.consumers import InMemoryConsumers
from tests.fakes.randomness import repeatable_random_below
from tests.stores.tables import consumer_item, new_table, standing_of

NOW = window_start(1_800_000_000, DAY_SECONDS) + 12 * 3600
MIDNIGHT = NOW + 12 * 3600
ACME = Consumer("acme", Limits(requests_per_minute=5, concurrent_requests=3, images_per_day=4))
BOUNDED = Consumer("bounded", Limits(1, 1, 1), frozenset({"image-edit"}))
UNBOUNDED = Consumer("unbounded", Limits(1_000_000, 1000))
ENVIRONMENTS = 10
Store = ConsumerStore | InMemoryConsumers


def slot(number: int, now: int = NOW) -> Slot:
    return Slot(now + 300, f"{number:09}")


def with_limits(**limits: int | None) -> Consumer:
    return replace(ACME, limits=replace(ACME.limits, **limits))


@pytest.fixture(params=["memory", "moto", "dynalite"])
def store(request: pytest.FixtureRequest) -> Store:
    """Every store there is, with ACME: the one in memory that other tests use keeps the same promises."""
    if request.param == "memory":
        consumers: Store = InMemoryConsumers()
    else:
        consumers = ConsumerStore(new_table(request.getfixturevalue(request.param), "ConsumersTable"))
    assert consumers.add_consumer(ACME)
    return consumers


@pytest.fixture
def table_store(aws: AwsClients) -> ConsumerStore:
    """The store in DynamoDB, with ACME."""
    consumers = ConsumerStore(new_table(aws, "ConsumersTable"))
    assert consumers.add_consumer(ACME)
    return consumers


def enter(store: Store, slot: Slot | None = None, *, now: int = NOW) -> Entrance:
    """A request; without a slot each is another one."""
    entrance = (
        store.count_request("acme", now=now, nonce=f"nonce {next(NONCES)}")
        if slot is None
        else store.take_slot("acme", now=now, slot=slot, counts_request=True)
    )
    assert entrance is not None
    return entrance


NONCES = iter(range(10**9))


def standing(store: Store, now: int = NOW) -> Standing:
    return standing_of(store, "acme", now)


@pytest.mark.parametrize("consumer", [BOUNDED, UNBOUNDED], ids=lambda consumer: consumer.id)
def test_a_consumer_is_found_and_listed_as_it_was_added(store: Store, consumer: Consumer) -> None:
    assert store.add_consumer(consumer)
    assert store.find_consumer(consumer.id) == consumer
    assert store.find_consumer("other") is None
    assert sorted(store.list_consumers(), key=lambda each: each.id) == [ACME, consumer]


def test_an_id_is_used_once(store: Store) -> None:
    assert not store.add_consumer(with_limits(requests_per_minute=100))
    assert store.find_consumer("acme") == ACME


def test_a_replaced_consumer_keeps_nothing_of_its_earlier_limits_and_models(store: Store) -> None:
    for wanted in (replace(BOUNDED, id="acme"), replace(UNBOUNDED, id="acme"), ACME):
        assert store.replace_consumer(wanted)
        assert store.find_consumer("acme") == wanted
    assert not store.replace_consumer(BOUNDED)
    assert store.find_consumer("bounded") is None


def test_a_minute_begins_on_the_minute(store: Store) -> None:
    store.replace_consumer(with_limits(requests_per_minute=1))
    end = NOW + MINUTE_SECONDS
    moments = [NOW, end - 1, end, end + MINUTE_SECONDS - 1, end + MINUTE_SECONDS]
    assert [enter(store, now=now).admitted for now in moments] == [True, False, True, False, True]


def test_a_day_begins_at_midnight_utc(store: Store) -> None:
    store.replace_consumer(with_limits(images_per_day=1))
    moments = [NOW, MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + DAY_SECONDS - 1, MIDNIGHT + DAY_SECONDS]
    admitted = [enter(store, slot(now, now), now=now).admitted for now in moments]
    assert admitted == [True, False, True, False, True]


def test_a_repeated_call_counts_once(store: Store) -> None:
    """As when the response to the first call was lost."""
    for _ in range(2):
        entrance = store.count_request("acme", now=NOW, nonce="a nonce")
        assert entrance == Entrance(True, ACME, Standing(1, 0, frozenset()))
    for _ in range(2):
        entrance = store.take_slot("acme", now=NOW, slot=slot(1), counts_request=False)
        assert entrance == Entrance(True, ACME, Standing(1, 1, frozenset({slot(1)})))


def reserve(store: Store, slot: Slot, images: int, *, images_per_day: int = 4) -> bool:
    entrance = store.reserve("acme", entered_at=NOW, slot=slot, images=images, images_per_day=images_per_day)
    assert entrance is not None
    return entrance.admitted


def test_a_series_that_does_not_know_of_its_reservation_gives_it_back(store: Store) -> None:
    """As when each response to the reservation was lost."""
    enter(store, slot(1))
    assert reserve(store, slot(1), 4)
    store.leave("acme", entered_at=NOW, slot=slot(1), images=0, reserved=1)
    assert standing(store).images_today == 0


def test_a_consumer_that_is_not_registered_is_not_made(store: Store) -> None:
    assert store.take_slot("unknown", now=NOW, slot=slot(1), counts_request=True) is None
    assert store.count_request("unknown", now=NOW, nonce="a nonce") is None
    assert store.reserve("unknown", entered_at=NOW, slot=slot(1), images=2, images_per_day=4) is None
    store.leave("unknown", entered_at=NOW, slot=slot(1), images=1)
    store.forget_counters("unknown", ("minute_0",))
    store.drop_slots("unknown", {slot(1)})
    assert store.list_consumers() == [ACME]


def test_a_removed_consumer_is_not_made_again_by_its_request_in_progress(store: Store) -> None:
    assert store.take_slot("acme", now=NOW, slot=slot(1), counts_request=True)
    store.remove_consumer("acme")
    store.leave("acme", entered_at=NOW, slot=slot(1), images=1)
    store.remove_consumer("acme")
    assert store.list_consumers() == []


# What an item has


def counters_in(store: ConsumerStore) -> set[str]:
    return {name for name in consumer_item(store) if name.startswith(("minute_", "day_"))}


def test_counters_of_past_windows_are_deleted_by_later_requests(table_store: ConsumerStore) -> None:
    enter(table_store, slot(1))
    later = NOW + 2 * DAY_SECONDS
    entrance = enter(table_store, slot(2, later), now=later)
    assert set(entrance.past_counters) == {f"minute_{NOW}", f"day_{window_start(NOW, DAY_SECONDS)}"}
    table_store.leave(
        "acme", entered_at=later, slot=slot(2, later), images=1, past_counters=entrance.past_counters
    )
    table_store.forget_counters("acme", entrance.past_counters)
    assert counters_in(table_store) == {f"minute_{later}", f"day_{window_start(later, DAY_SECONDS)}"}


def test_an_item_does_not_grow_over_days_of_use(table_store: ConsumerStore) -> None:
    sizes = []
    for number in range(20):
        now = NOW + number * 6 * 3600
        own = slot(number, now)
        entrance = enter(table_store, own, now=now)
        table_store.reserve("acme", entered_at=now, slot=own, images=2, images_per_day=4)
        table_store.leave("acme", entered_at=now, slot=own, images=0, past_counters=entrance.past_counters)
        sizes.append(len(consumer_item(table_store)))
    assert max(sizes) <= 8


def test_what_many_crashed_requests_left_is_all_deleted_in_time(table_store: ConsumerStore) -> None:
    """DynamoDB takes no expression of more than 4 KB or 300 operators."""
    counters = {f"minute_{NOW - minutes * MINUTE_SECONDS}": {"N": "1"} for minutes in range(2, 302)}
    slots = [slot(number) for number in range(300)]
    left = {"slots": {"SS": list(map(str, slots))}, **counters}
    table_store.table.call("put_item", Item=consumer_item(table_store) | left)
    table_store.replace_consumer(Consumer("acme", Limits(1_000_000, 1)))
    for _ in range(7):
        entrance = enter(table_store)
        if entrance.past_counters:
            table_store.forget_counters("acme", entrance.past_counters)
        if entrance.standing.slots:
            table_store.drop_slots("acme", entrance.standing.slots)
    assert counters_in(table_store) == {f"minute_{NOW}"}
    assert standing(table_store).slots == frozenset()


def test_the_largest_item_stays_far_below_what_dynamodb_takes(table_store: ConsumerStore) -> None:
    """An item may have 400 KB."""
    table_store.replace_consumer(Consumer("acme", Limits(1_000_000, MAX_CONCURRENT_REQUESTS, 100_000_000)))
    slots = [slot(number) for number in range(MAX_CONCURRENT_REQUESTS)]
    spelt = {"SS": [str(each) for each in slots[:-1]]}
    table_store.table.call("put_item", Item=consumer_item(table_store) | {"slots": spelt})
    assert enter(table_store, slots[-1]).standing.slots == frozenset(slots)
    assert not enter(table_store, slot(MAX_CONCURRENT_REQUESTS)).admitted
    assert len(json.dumps(consumer_item(table_store))) < 40_000


@pytest.mark.parametrize(
    "edited",
    [
        {"requests_per_minute": {"S": "30"}}, {"requests_per_minute": {"N": "1.5"}},
        {"requests_per_minute": {"N": "0"}}, {"concurrent_requests": {"BOOL": True}},
        {"images_per_day": {"S": "many"}}, {"models": {"S": "image-edit"}}, {"slots": {"SS": ["tomorrow"]}},
        {"slots": {"L": []}}, {"slots": {"N": "3"}}, {f"minute_{NOW}": {"S": "two"}},
        {f"day_{window_start(NOW, DAY_SECONDS)}": {"L": []}},
    ],
    ids=str,
)  # fmt: skip
def test_an_item_that_was_edited_into_something_else_is_our_own_failure(
    table_store: ConsumerStore, edited: dict
) -> None:
    table_store.table.call("put_item", Item=consumer_item(table_store) | edited)
    with pytest.raises(InternalError):
        enter(table_store, slot(1))


# Many environments at once


def at_once(store: ConsumerStore, act: Callable[[RequestLimits], object]) -> list:
    """What `act` returns in each of many environments."""

    def run(number: int) -> object:
        return act(RequestLimits(store, repeatable_random_below(number), FakeClock(NOW)))

    with ThreadPoolExecutor(ENVIRONMENTS) as threads:
        return list(threads.map(run, range(ENVIRONMENTS)))


@pytest.mark.parametrize(
    "limits", [Limits(7, 1000), Limits(1000, 7), Limits(1000, 1000, 7)], ids=["minute", "slots", "day"]
)
def test_however_many_come_at_once_exactly_as_many_are_admitted_as_the_limit_allows(
    table_store: ConsumerStore, limits: Limits
) -> None:
    table_store.replace_consumer(Consumer("acme", limits))

    def enter_twice(own: RequestLimits) -> int:
        admitted = 0
        for _ in range(2):
            try:
                own.enter("acme", lease_seconds=300)
                admitted += 1
            except LimitReachedError:
                pass
        return admitted

    assert sum(at_once(table_store, enter_twice)) == 7
    found = standing(table_store)
    assert (found.requests_this_minute, found.images_today, len(found.slots)) == (7, 7, 7)


def test_images_that_many_requests_made_or_did_not_make_add_up(table_store: ConsumerStore) -> None:
    table_store.replace_consumer(Consumer("acme", Limits(1000, 1000, 1000)))

    def make(own: RequestLimits) -> int:
        admission = own.reserve_images(own.enter("acme", lease_seconds=300), 3)
        images = 3 if own.random_below(2) else 0
        own.leave(admission, images=images)
        return images

    made = sum(at_once(table_store, make))
    assert standing(table_store) == Standing(ENVIRONMENTS, made, frozenset())


def test_many_who_find_expired_slots_at_once_get_exactly_as_many_as_the_limit(
    table_store: ConsumerStore,
) -> None:
    expired = {"slots": {"SS": [str(slot(number, NOW - 1000)) for number in range(6)]}}
    table_store.table.call("put_item", Item=consumer_item(table_store) | expired)
    table_store.replace_consumer(Consumer("acme", Limits(1000, 6)))

    def enter_once(own: RequestLimits) -> Admission | None:
        try:
            return own.enter("acme", lease_seconds=300)
        except LimitReachedError:
            return None

    slots = {admission.slot for admission in at_once(table_store, enter_once) if admission}
    assert len(slots) == 6
    assert standing(table_store).slots == slots

"""One conditional update checks every limit of a consumer and counts, or does neither."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from imagineart.adapters.aws_http import AwsCallError
from imagineart.adapters.dynamodb_consumers import DynamoDbConsumers
from imagineart.domain.consumers import Consumer
from imagineart.domain.errors import InternalError
from imagineart.domain.limits import (
    DAY_SECONDS,
    MAX_CONCURRENT_REQUESTS,
    MINUTE_SECONDS,
    Limits,
    Slot,
    Standing,
    lease_slot,
    window_start,
)
from imagineart.domain.ports import Entrance
from tests.stores.tables import consumer_item, counters_in, new_table, standing_in, with_limits

NOW = window_start(1_800_000_000, DAY_SECONDS) + 12 * 3600
MIDNIGHT = NOW + 12 * 3600
ACME = Consumer("acme", Limits(requests_per_minute=5, concurrent_requests=3, images_per_day=4))
BOUNDED = Consumer("bounded", Limits(1, 1, 1), frozenset({"image-edit"}))
UNBOUNDED = Consumer("unbounded", Limits(1_000_000, 1000))
KILOBYTE = 1024


def slot(number: int, now: int = NOW) -> Slot:
    return Slot(now + 300, f"{number:09}")


@pytest.fixture
def consumers(store_endpoint: str) -> DynamoDbConsumers:
    """Where ACME is registered."""
    consumers = DynamoDbConsumers(new_table(store_endpoint, "ConsumersTable"))
    assert consumers.add_consumer(ACME)
    return consumers


def enter(consumers: DynamoDbConsumers, slot: Slot | None = None, *, now: int = NOW) -> Entrance:
    entrance = consumers.enter("acme", now=now, slot=slot)
    assert entrance is not None
    return entrance


def leave(
    consumers: DynamoDbConsumers,
    slot: Slot | None,
    *,
    images: int = 1,
    entered_at: int = NOW,
    past_counters: tuple[str, ...] = (),
) -> None:
    consumers.leave("acme", entered_at=entered_at, slot=slot, images=images, past_counters=past_counters)


def standing(consumers: DynamoDbConsumers, now: int = NOW) -> Standing:
    return standing_in(consumer_item(consumers.table, "acme"), now)


@pytest.mark.parametrize("consumer", [BOUNDED, UNBOUNDED], ids=lambda consumer: consumer.id)
def test_a_consumer_is_found_as_it_was_added(consumers: DynamoDbConsumers, consumer: Consumer) -> None:
    assert consumers.add_consumer(consumer)
    assert consumers.find_consumer(consumer.id) == consumer
    assert consumers.find_consumer("other") is None


def test_a_consumers_id_is_given_once(consumers: DynamoDbConsumers) -> None:
    assert not consumers.add_consumer(with_limits(ACME, requests_per_minute=100))
    assert consumers.find_consumer("acme") == ACME


def test_every_consumer_is_listed(consumers: DynamoDbConsumers) -> None:
    for consumer in (BOUNDED, UNBOUNDED):
        consumers.add_consumer(consumer)
    enter(consumers, slot(1))
    listed = sorted(consumers.list_consumers(), key=lambda consumer: consumer.id)
    assert listed == [ACME, BOUNDED, UNBOUNDED]


def test_a_list_of_consumers_longer_than_a_page_is_whole(consumers: DynamoDbConsumers) -> None:
    """DynamoDB ends a page of a scan at 1 MB."""
    ids = [f"consumer-{number}" for number in range(6)]
    for id_ in ids:
        item = {"key": {"S": id_}, "requests_per_minute": {"N": "1"}, "concurrent_requests": {"N": "1"}}
        consumers.table.call("PutItem", Item=item | {"note": {"S": "x" * 300_000}})
    assert sorted(consumer.id for consumer in consumers.list_consumers()) == ["acme", *ids]


def test_what_is_replaced_is_found_and_nothing_of_the_earlier_is_left(consumers: DynamoDbConsumers) -> None:
    for wanted in (replace(BOUNDED, id="acme"), replace(UNBOUNDED, id="acme"), ACME):
        assert consumers.replace_consumer(wanted)
        assert consumers.find_consumer("acme") == wanted


def test_a_consumer_that_does_not_exist_is_not_replaced(consumers: DynamoDbConsumers) -> None:
    assert not consumers.replace_consumer(BOUNDED)
    assert consumers.find_consumer("bounded") is None


def test_a_request_that_is_let_in_is_counted_with_its_image_and_its_slot(
    consumers: DynamoDbConsumers,
) -> None:
    assert enter(consumers, slot(1)) == Entrance(True, ACME, Standing(1, 1, frozenset({slot(1)})))
    assert enter(consumers, slot(2)) == Entrance(True, ACME, Standing(2, 2, frozenset({slot(1), slot(2)})))


def test_a_request_without_a_slot_counts_for_the_minute_alone(consumers: DynamoDbConsumers) -> None:
    assert enter(consumers) == Entrance(True, ACME, Standing(1, 0, frozenset()))


def test_the_day_and_the_slots_do_not_bound_requests_without_a_slot(consumers: DynamoDbConsumers) -> None:
    consumers.replace_consumer(with_limits(ACME, concurrent_requests=1, images_per_day=1))
    assert enter(consumers, slot(1)).admitted
    assert enter(consumers).admitted


@pytest.mark.parametrize(
    ("limits", "used"),
    [
        (Limits(2, 1000), Standing(2, 2, frozenset({slot(0), slot(1)}))),
        (Limits(1000, 2), Standing(2, 2, frozenset({slot(0), slot(1)}))),
        (Limits(1000, 1000, 2), Standing(2, 2, frozenset({slot(0), slot(1)}))),
    ],
    ids=["minute", "slots", "day"],
)
def test_each_limit_refuses_and_a_refused_request_uses_nothing(
    consumers: DynamoDbConsumers, limits: Limits, used: Standing
) -> None:
    consumers.replace_consumer(Consumer("acme", limits))
    assert [enter(consumers, slot(number)).admitted for number in range(2)] == [True, True]
    before = consumer_item(consumers.table, "acme")
    assert enter(consumers, slot(2)) == Entrance(False, Consumer("acme", limits), used)
    assert consumer_item(consumers.table, "acme") == before


def test_the_minute_refuses_requests_without_a_slot_too(consumers: DynamoDbConsumers) -> None:
    assert [enter(consumers).admitted for _ in range(6)] == [True] * 5 + [False]


def test_a_minute_begins_on_the_minute(consumers: DynamoDbConsumers) -> None:
    consumers.replace_consumer(with_limits(ACME, requests_per_minute=1))
    end = NOW + MINUTE_SECONDS
    moments = [NOW, end - 1, end, end + MINUTE_SECONDS - 1, end + MINUTE_SECONDS]
    assert [enter(consumers, now=now).admitted for now in moments] == [True, False, True, False, True]


def test_a_day_begins_at_midnight_utc(consumers: DynamoDbConsumers) -> None:
    consumers.replace_consumer(with_limits(ACME, images_per_day=1))
    moments = [NOW, MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + DAY_SECONDS - 1, MIDNIGHT + DAY_SECONDS]
    admitted = [enter(consumers, slot(now, now), now=now).admitted for now in moments]
    assert admitted == [True, False, True, False, True]


def test_an_image_counts_for_the_day_on_which_its_request_came(consumers: DynamoDbConsumers) -> None:
    enter(consumers, slot(1), now=MIDNIGHT - 1)
    leave(consumers, slot(1), images=4, entered_at=MIDNIGHT - 1)
    assert standing(consumers, MIDNIGHT - 1).images_today == 4
    assert standing(consumers, MIDNIGHT).images_today == 0


@pytest.mark.parametrize("images", [0, 1, 3])
def test_whoever_leaves_gives_the_slot_back_and_counts_the_images_that_were_made(
    consumers: DynamoDbConsumers, images: int
) -> None:
    enter(consumers, slot(1))
    enter(consumers, slot(2))
    leave(consumers, slot(1), images=images)
    assert standing(consumers) == Standing(2, images + 1, frozenset({slot(2)}))


def test_a_slot_that_was_given_back_can_be_taken(consumers: DynamoDbConsumers) -> None:
    consumers.replace_consumer(with_limits(ACME, concurrent_requests=1))
    assert enter(consumers, slot(1)).admitted
    assert not enter(consumers, slot(2)).admitted
    leave(consumers, slot(1))
    assert enter(consumers, slot(2)).admitted


def test_leaving_twice_is_leaving_once(consumers: DynamoDbConsumers) -> None:
    enter(consumers, slot(1))
    enter(consumers, slot(2))
    leave(consumers, slot(1), images=0)
    leave(consumers, slot(1), images=0)
    assert standing(consumers) == Standing(2, 1, frozenset({slot(2)}))


def test_a_request_that_enters_twice_with_its_slot_is_counted_once(consumers: DynamoDbConsumers) -> None:
    """As when the answer to the call is lost and the call is sent again."""
    enter(consumers, slot(1))
    again = enter(consumers, slot(1))
    assert again == Entrance(False, ACME, Standing(1, 1, frozenset({slot(1)})))
    assert standing(consumers) == again.standing


def test_slots_that_were_dropped_are_free_and_leaving_with_one_changes_nothing(
    consumers: DynamoDbConsumers,
) -> None:
    for number in range(3):
        enter(consumers, slot(number))
    consumers.drop_slots("acme", {slot(0), slot(1), slot(7)})
    left = Standing(3, 3, frozenset({slot(2)}))
    assert standing(consumers) == left
    leave(consumers, slot(0), images=0)
    assert standing(consumers) == left


def test_a_consumer_that_is_not_registered_does_nothing(consumers: DynamoDbConsumers) -> None:
    assert consumers.enter("unknown", now=NOW, slot=slot(1)) is None
    assert consumers.enter("unknown", now=NOW, slot=None) is None
    consumers.leave("unknown", entered_at=NOW, slot=slot(1), images=1, past_counters=())
    consumers.leave("unknown", entered_at=NOW, slot=None, images=0, past_counters=("minute_0",))
    consumers.drop_slots("unknown", {slot(1)})
    assert consumers.list_consumers() == [ACME]
    assert consumers.table.get({"key": {"S": "unknown"}}) is None


def test_other_limits_hold_from_the_next_request_on_and_what_was_used_stays(
    consumers: DynamoDbConsumers,
) -> None:
    for number in range(2):
        enter(consumers, slot(number))
    for narrower in ({"requests_per_minute": 2}, {"concurrent_requests": 2}, {"images_per_day": 1}):
        consumers.replace_consumer(with_limits(ACME, **narrower))
        refused = enter(consumers, slot(9))
        assert not refused.admitted
        assert refused.consumer == with_limits(ACME, **narrower)
        assert refused.standing == Standing(2, 2, frozenset({slot(0), slot(1)}))
    consumers.replace_consumer(with_limits(ACME, images_per_day=None))
    assert enter(consumers, slot(9)).standing == Standing(3, 3, frozenset({slot(0), slot(1), slot(9)}))


def test_counters_of_past_windows_are_named_on_entering_and_forgotten_on_leaving(
    consumers: DynamoDbConsumers,
) -> None:
    enter(consumers, slot(1))
    later = NOW + 2 * DAY_SECONDS
    entrance = enter(consumers, slot(2, later), now=later)
    past = {f"minute_{NOW}", f"day_{window_start(NOW, DAY_SECONDS)}"}
    assert set(entrance.past_counters) == past
    assert past < counters_in(consumer_item(consumers.table, "acme"))
    leave(consumers, slot(2, later), entered_at=later, past_counters=entrance.past_counters)
    assert counters_in(consumer_item(consumers.table, "acme")) == {
        f"minute_{later}",
        f"day_{window_start(later, DAY_SECONDS)}",
    }
    assert standing(consumers, later) == Standing(1, 1, frozenset({slot(1)}))


def test_a_request_without_a_slot_forgets_past_counters_too(consumers: DynamoDbConsumers) -> None:
    enter(consumers)
    entrance = enter(consumers, now=NOW + 2 * MINUTE_SECONDS)
    leave(consumers, None, images=0, past_counters=entrance.past_counters)
    assert counters_in(consumer_item(consumers.table, "acme")) == {f"minute_{NOW + 2 * MINUTE_SECONDS}"}


def test_the_window_before_the_present_one_is_kept_for_a_clock_that_lags(
    consumers: DynamoDbConsumers,
) -> None:
    enter(consumers, slot(1), now=MIDNIGHT - 1)
    assert enter(consumers, slot(2), now=MIDNIGHT).past_counters == ()


def test_an_item_does_not_grow_over_days_of_use(consumers: DynamoDbConsumers) -> None:
    counted = []
    for number in range(40):
        now = NOW + number * 3 * 3600
        own = slot(number, now)
        entrance = enter(consumers, own, now=now)
        leave(consumers, own, entered_at=now, past_counters=entrance.past_counters)
        counted.append(len(counters_in(consumer_item(consumers.table, "acme"))))
    assert max(counted) <= 4


def test_counters_that_many_crashed_requests_left_behind_are_all_forgotten_in_time(
    consumers: DynamoDbConsumers,
) -> None:
    """DynamoDB takes no expression of more than 4 KB or 300 operators."""
    hours = 24
    left_behind = {f"minute_{NOW - minutes * MINUTE_SECONDS}": {"N": "1"} for minutes in range(2, hours * 60)}
    item = consumer_item(consumers.table, "acme")
    consumers.table.call("PutItem", Item=item | left_behind)
    consumers.replace_consumer(with_limits(ACME, requests_per_minute=1000))
    for _ in range(40):
        entrance = enter(consumers)
        assert len(entrance.past_counters) <= 100
        leave(consumers, None, images=0, past_counters=entrance.past_counters)
    assert counters_in(consumer_item(consumers.table, "acme")) == {f"minute_{NOW}"}


def test_the_largest_item_stays_far_below_what_dynamodb_takes(consumers: DynamoDbConsumers) -> None:
    """An item may have 400 KB."""
    limits = Limits(1_000_000, MAX_CONCURRENT_REQUESTS, 100_000_000)
    consumers.replace_consumer(Consumer("acme", limits))
    slots = [
        lease_slot(NOW + 0.5, lease_seconds=900, nonce=f"{n:09}") for n in range(MAX_CONCURRENT_REQUESTS)
    ]
    spelled = {"SS": [str(slot) for slot in slots[:-1]]}
    consumers.table.call("PutItem", Item=consumer_item(consumers.table, "acme") | {"slots": spelled})
    assert enter(consumers, slots[-1]).standing.slots == frozenset(slots)
    assert not enter(consumers, slot(1)).admitted
    assert len(json.dumps(consumer_item(consumers.table, "acme"))) < 40 * KILOBYTE
    consumers.drop_slots("acme", slots)
    assert standing(consumers).slots == frozenset()


@pytest.mark.parametrize(
    "written",
    [
        {"requests_per_minute": {"S": "30"}},
        {"requests_per_minute": {"N": "1.5"}},
        {"requests_per_minute": {"N": "0"}},
        {"concurrent_requests": {"BOOL": True}},
        {"images_per_day": {"S": "many"}},
        {"models": {"S": "image-edit"}},
        {"slots": {"SS": ["tomorrow"]}},
        {"slots": {"L": []}},
        {"slots": {"N": "3"}},
        {f"minute_{NOW}": {"S": "two"}},
        {f"day_{window_start(NOW, DAY_SECONDS)}": {"L": []}},
    ],
    ids=str,
)
def test_an_item_that_a_hand_has_spoilt_is_our_own_failure(
    consumers: DynamoDbConsumers, written: dict
) -> None:
    consumers.table.call("PutItem", Item=consumer_item(consumers.table, "acme") | written)
    with pytest.raises(InternalError) as caught:
        enter(consumers, slot(1))
    assert caught.value.message == InternalError().message


@pytest.mark.parametrize("missing", ["requests_per_minute", "concurrent_requests"])
def test_an_item_that_lacks_a_limit_lets_nobody_in(consumers: DynamoDbConsumers, missing: str) -> None:
    item = consumer_item(consumers.table, "acme")
    del item[missing]
    consumers.table.call("PutItem", Item=item)
    for call in (lambda: enter(consumers, slot(1)), consumers.list_consumers):
        with pytest.raises(InternalError) as caught:
            call()
        assert "acme" in (caught.value.detail or "")
        assert missing in (caught.value.detail or "")


def test_a_missing_table_is_our_own_failure(consumers: DynamoDbConsumers) -> None:
    absent = DynamoDbConsumers(replace(consumers.table, name="absent"))
    for call in (
        lambda: absent.find_consumer("acme"),
        lambda: absent.add_consumer(ACME),
        lambda: absent.enter("acme", now=NOW, slot=None),
        absent.list_consumers,
    ):
        with pytest.raises(AwsCallError) as caught:
            call()
        assert caught.value.aws_code == "ResourceNotFoundException"


# Series


def reserve(consumers: DynamoDbConsumers, slot: Slot, more: int, *, images_per_day: int = 4) -> bool:
    entrance = consumers.reserve("acme", entered_at=NOW, slot=slot, more=more, images_per_day=images_per_day)
    assert entrance is not None
    return entrance.admitted


def test_more_images_are_counted_where_the_day_has_room_for_all(consumers: DynamoDbConsumers) -> None:
    enter(consumers, slot(1))
    assert not reserve(consumers, slot(1), 4)
    assert standing(consumers).images_today == 1
    assert reserve(consumers, slot(1), 3)
    assert standing(consumers).images_today == 4


def test_a_series_that_was_reserved_leaves_what_it_made(consumers: DynamoDbConsumers) -> None:
    enter(consumers, slot(1))
    assert reserve(consumers, slot(1), 3)
    consumers.leave("acme", entered_at=NOW, slot=slot(1), images=2, past_counters=(), reserved=4)
    assert standing(consumers) == Standing(1, 2, frozenset())


def test_without_its_slot_and_under_another_limit_nothing_is_reserved(consumers: DynamoDbConsumers) -> None:
    enter(consumers, slot(1))
    assert not reserve(consumers, slot(2), 1)
    consumers.replace_consumer(with_limits(ACME, images_per_day=10))
    assert not reserve(consumers, slot(1), 1)
    assert reserve(consumers, slot(1), 1, images_per_day=10)
    assert consumers.reserve("unknown", entered_at=NOW, slot=slot(1), more=1, images_per_day=4) is None


def test_series_at_the_same_time_never_pass_the_day(consumers: DynamoDbConsumers) -> None:
    slots = [slot(number) for number in range(3)]
    for each in slots:
        enter(consumers, each)
    with ThreadPoolExecutor(3) as threads:
        reserved = list(threads.map(lambda each: reserve(consumers, each, 1), slots))
    assert sorted(reserved) == [False, False, True]
    assert standing(consumers).images_today == 4


def test_a_request_that_was_counted_before_takes_its_slot_and_its_image_alone(
    consumers: DynamoDbConsumers,
) -> None:
    enter(consumers)
    entrance = consumers.enter("acme", now=NOW, slot=slot(1), counts_request=False)
    assert entrance is not None
    assert entrance.admitted
    assert standing(consumers) == Standing(1, 1, frozenset({slot(1)}))
    for _ in range(4):
        enter(consumers)
    again = consumers.enter("acme", now=NOW, slot=slot(2), counts_request=False)
    assert again is not None
    assert again.admitted, "the minute is full, and the request counted in it"

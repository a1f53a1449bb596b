"""What the jobs of a consumer count for: images of the day when they are accepted, slots while they run.

The item is the consumer's, as `ConsumerStore` has it. ``last_job`` is the job whose images were counted last,
and ``last_return`` the one whose images were given back last, so that a call that is sent again after its
response was lost changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from imagineart.access.consumer_items import (
    EXISTS,
    SLOT_IS_FREE,
    consumer_key,
    read_entrance,
    slots_in,
    window_name,
)
from imagineart.access.consumer_store import ConsumerStore
from imagineart.access.consumers import Entrance
from imagineart.access.limits import Slot
from imagineart.dynamodb import DynamoDbTable, number, text, texts


@dataclass(frozen=True, slots=True)
class JobCounters:
    """The counters of consumers, as jobs change them. Every method raises AwsCallError."""

    table: DynamoDbTable

    def concurrent_requests(self, consumer_id: str) -> int | None:
        """How many requests a consumer may have in progress; None where it is not registered."""
        consumer = ConsumerStore(self.table).find_consumer(consumer_id)
        return consumer.limits.concurrent_requests if consumer else None

    def count_images(
        self, consumer_id: str, *, now: int, job_id: str, images: int, images_per_day: int
    ) -> Entrance | None:
        """Count the images of a job for the day if it leaves room for all; None for an unknown consumer.

        Nothing is counted where the limit is no longer `images_per_day`.
        """
        updated = self.table.update(
            consumer_key(consumer_id),
            "ADD #day :images SET last_job = :job",
            ConditionExpression=(
                f"{EXISTS} AND images_per_day = :limit AND (attribute_not_exists(#day) OR #day <= :room) "
                "AND (attribute_not_exists(last_job) OR last_job <> :job)"
            ),
            ExpressionAttributeNames={"#key": "key", "#day": window_name("day", now)},
            ExpressionAttributeValues={
                ":images": number(images),
                ":limit": number(images_per_day),
                ":room": number(images_per_day - images),
                ":job": text(job_id),
            },
        )
        return read_entrance(updated, now, lambda item: item.get("last_job") == text(job_id))

    def give_images_back(self, consumer_id: str, *, counted_at: int, job_id: str, images: int) -> None:
        """Take images of a job out of the day on which they were counted."""
        self.table.update(
            consumer_key(consumer_id),
            "ADD #day :images SET last_return = :job",
            ConditionExpression=(
                "attribute_exists(#day) AND (attribute_not_exists(last_return) OR last_return <> :job)"
            ),
            ExpressionAttributeNames={"#day": window_name("day", counted_at)},
            ExpressionAttributeValues={":images": number(-images), ":job": text(job_id)},
        )

    def hold_slot(self, consumer_id: str, *, now: int, slot: Slot) -> Entrance | None:
        """Take a slot if one is free, and count nothing; None for an unknown consumer."""
        updated = self.table.update(
            consumer_key(consumer_id),
            "ADD slots :slots",
            ConditionExpression=f"{EXISTS} AND {SLOT_IS_FREE}",
            ExpressionAttributeNames={"#key": "key"},
            ExpressionAttributeValues={
                ":slots": texts(frozenset({str(slot)})),
                ":entering": text(str(slot)),
            },
        )
        return read_entrance(updated, now, lambda item: slot in slots_in(item))

    def drop_slots(self, consumer_id: str, slots: Iterable[Slot]) -> None:
        """Take slots back; a second time it changes nothing."""
        ConsumerStore(self.table).drop_slots(consumer_id, slots)

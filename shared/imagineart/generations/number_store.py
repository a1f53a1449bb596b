"""The ids of generations, which are integers, in the table of jobs under the key ``generation#<id>``.

An id is taken before its job is kept, and is free of others: who takes it is its account alone.
"""

from dataclasses import dataclass

from imagineart.dynamodb import DynamoDbTable, Item, number, text
from imagineart.jobs.model import KEPT_SECONDS, JobKey

_PREFIX = "generation#"


@dataclass(frozen=True, slots=True)
class NumberStore:
    """Which job has which id, for each consumer. Every method raises AwsCallError."""

    table: DynamoDbTable

    def take(self, key: JobKey, generation_id: int) -> bool:
        """Give an id to a job; False where another one of the consumer has it."""
        failed = self.table.put(
            _key(key.consumer_id, generation_id),
            {"job_id": text(key.id), "expires_at": number(int(key.accepted_at) + KEPT_SECONDS)},
            ConditionExpression="attribute_not_exists(id) OR job_id = :job",
            ExpressionAttributeValues={":job": text(key.id)},
        )
        return failed is None

    def find(self, consumer_id: str, generation_id: int) -> JobKey | None:
        """The job of an id, which may be gone; None for an unknown id."""
        item = self.table.get(_key(consumer_id, generation_id))
        return JobKey(consumer_id, item["job_id"]["S"]) if item else None

    def free(self, consumer_id: str, generation_id: int) -> None:
        """Forget an id."""
        self.table.delete(_key(consumer_id, generation_id))


def _key(consumer_id: str, generation_id: int) -> Item:
    return {"consumer_id": text(consumer_id), "id": text(f"{_PREFIX}{generation_id}")}

"""Jobs that have a name of their caller's own, by which they are accepted once, and found.

A name is an item of the jobs' table with the key ``name#<name>``. It is written before its job: a caller
whose request crashed in between sends it again, and the job is accepted then.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from imagineart.dynamodb import ConditionFailed, DynamoDbTable, Item, number, text
from imagineart.idempotency.respond_once import KeyConflictError
from imagineart.images.seeds import RandomBelow
from imagineart.jobs.job_store import JobStore
from imagineart.jobs.model import KEPT_SECONDS, Job, JobKey, create_key


@dataclass(frozen=True, slots=True)
class NamedJobs:
    """Names of jobs, each consumer its own. Every method raises AwsCallError."""

    table: DynamoDbTable
    jobs: JobStore
    random_below: RandomBelow
    clock: Callable[[], float]

    async def accept_once(
        self, consumer_id: str, name: str, fingerprint: str, accept: Callable[[JobKey], Awaitable[Job]]
    ) -> JobKey | None:
        """Accept the job of a name, or return the earlier one that has it. Raises what `accept` raises.

        `fingerprint` distinguishes what is asked for. Raises KeyConflictError where the name came with other
        ones.
        """
        own = create_key(consumer_id, now=self.clock(), random_below=self.random_below)
        failed = self.table.put(
            _key(consumer_id, name),
            {
                "job_id": text(own.id),
                "fingerprint": text(fingerprint),
                "expires_at": number(int(own.accepted_at) + KEPT_SECONDS),
            },
            ConditionExpression="attribute_not_exists(id)",
        )
        key = _named(consumer_id, failed, fingerprint) or own
        if key != own and self.jobs.find(key) is not None:
            return key
        await accept(key)
        return None

    def find(self, consumer_id: str, name: str) -> JobKey | None:
        """The job of a name, which may be gone, or not be accepted yet; None for an unknown name."""
        item = self.table.get(_key(consumer_id, name))
        return JobKey(consumer_id, item["job_id"]["S"]) if item else None


def _named(consumer_id: str, failed: ConditionFailed | None, fingerprint: str) -> JobKey | None:
    """The job that has the name already, if one has it."""
    item = failed.item if failed else None
    if item is None:
        return None
    if item["fingerprint"]["S"] != fingerprint:
        raise KeyConflictError
    return JobKey(consumer_id, item["job_id"]["S"])


def _key(consumer_id: str, name: str) -> Item:
    return {"consumer_id": text(consumer_id), "id": text(f"name#{name}")}

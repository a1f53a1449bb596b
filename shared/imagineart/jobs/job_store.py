"""Jobs in DynamoDB, and which of them a consumer has in the queue.

Keys consumer_id and id; the later a job was accepted, the larger its id. While a job is ``open``, the index
OpenJobs has it by ``due_at``, when the sweeper looks at it. The index UnsentWebhooks has a job that has ended
by ``ended_at``, while it has ``webhook``: until it is reported to a URL or to a session. Each write is
conditional: one of several workers claims a job, and one of several ends it. A call that is sent again after
its response was lost finds its own attempt in the item.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from imagineart.dynamodb import ConditionFailed, DynamoDbTable, Item, number, read_item, text
from imagineart.jobs.job_items import image_to_json, job_from_item, job_key, key_from_item, new_job_item
from imagineart.jobs.model import (
    SEND_SECONDS,
    Job,
    JobClaim,
    JobError,
    JobKey,
    JobState,
    KeptImage,
    first_id_at,
)
from imagineart.media.model import KeptMedia, Order, compact_json

INDEX: Final = "OpenJobs"
WEBHOOKS_INDEX: Final = "UnsentWebhooks"
_LAST_ID: Final = "job_~"
_PAGE_ITEMS: Final = 50
_NAMES: Final = {"#state": "state", "#open": "open", "#error": "error"}
_IS_UNATTENDED: Final = "(#state = :queued OR (#state = :processing AND lease_ends_at < :now))"
_IS_OWN: Final = "(attempt = :attempt AND #state = :processing)"
_NO_LONGER_OPEN: Final = "REMOVE #open, due_at, lease_ends_at, upload_url, ordered, paused_until"


@dataclass(frozen=True, slots=True)
class JobStore:
    """The jobs of all consumers. Every method raises AwsCallError."""

    table: DynamoDbTable

    def add(self, job: Job, *, due_at: float) -> None:
        """Keep a new job, which the sweeper looks at from `due_at` on; one that is kept stays as it is."""
        item = new_job_item(job, due_at=due_at)
        self.table.put(job_key(job.key), item, ConditionExpression="attribute_not_exists(id)")

    def find(self, key: JobKey) -> Job | None:
        """The job, or None."""
        item = self.table.get(job_key(key))
        return read_item(item, job_from_item) if item else None

    def page(
        self, consumer_id: str, *, api: str, before: str | None, accepted_from: float, limit: int
    ) -> list[Job]:
        """Up to `limit` jobs of a consumer in an API, the newest first, of ids smaller than `before`."""
        items = self._query(
            consumer_id,
            first_id_at(accepted_from),
            before or _LAST_ID,
            newest_first=True,
            # Jobs of other APIs may lie between.
            at_once=max(limit + 1, _PAGE_ITEMS),
        )
        jobs = (
            read_item(item, job_from_item)
            for item in items
            if item["id"]["S"] != before and item["api"]["S"] == api
        )
        return [job for job, _ in zip(jobs, range(limit), strict=False)]

    def all_of(self, consumer_id: str) -> Iterator[Job]:
        """Every job of a consumer, in whichever API."""
        items = self._query(consumer_id, first_id_at(0), _LAST_ID, newest_first=False, at_once=_PAGE_ITEMS)
        return (read_item(item, job_from_item) for item in items)

    def waiting(self, consumer_id: str, *, after: str, limit: int) -> list[str]:
        """Up to `limit` ids of queued jobs that are larger than `after`, the oldest first."""
        items = self._query(
            consumer_id, after or first_id_at(0), _LAST_ID, newest_first=False, at_once=limit + 1
        )
        ids = (
            item["id"]["S"]
            for item in items
            if item["id"]["S"] != after and item["state"]["S"] == JobState.QUEUED
        )
        return [each for each, _ in zip(ids, range(limit), strict=False)]

    def due(self, now: float) -> Iterator[JobKey]:
        """The jobs that the sweeper looks at now."""
        items = self.table.pages(
            "query",
            is_consistent=False,
            IndexName=INDEX,
            KeyConditionExpression="#open = :yes AND due_at <= :now",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues={":yes": text("yes"), ":now": number(now)},
        )
        return map(key_from_item, items)

    def unreported(self, ended_before: float) -> Iterator[JobKey]:
        """The jobs that ended before, and whose end may not be reported to a webhook or a session."""
        items = self.table.pages(
            "query",
            is_consistent=False,
            IndexName=WEBHOOKS_INDEX,
            KeyConditionExpression="webhook = :unsent AND ended_at <= :before",
            ExpressionAttributeValues={":unsent": text("unsent"), ":before": number(ended_before)},
        )
        return map(key_from_item, items)

    def forget_listeners(self, key: JobKey) -> None:
        """Remove what the end of a job was reported to."""
        self.table.update(
            job_key(key),
            "REMOVE webhook, webhook_url, session_id",
            ConditionExpression="attribute_exists(webhook)",
        )

    def listen(self, key: JobKey, session_id: str) -> Job | None:
        """The job, whose end is to be reported to this session; None where it is gone."""
        updated = self.table.update(
            job_key(key),
            "SET session_id = :session, webhook = :unsent",
            ConditionExpression="attribute_exists(id)",
            ExpressionAttributeValues={":session": text(session_id), ":unsent": text("unsent")},
        )
        return None if isinstance(updated, ConditionFailed) else read_item(updated, job_from_item)

    def claim(self, claim: JobClaim, *, now: float) -> Job | None:
        """The job, claimed; None where it is gone, has ended, or another worker has it."""
        updated = self._update(
            claim.key,
            "SET #state = :processing, attempt = :attempt, lease_ends_at = :lease, due_at = :lease, "
            "started_at = if_not_exists(started_at, :now) ADD attempts :one",
            f"{_IS_UNATTENDED} AND (attribute_not_exists(attempt) OR attempt <> :attempt)",
            {":attempt": text(claim.attempt), ":lease": number(claim.lease_ends_at), ":now": number(now)}
            | {":one": number(1)},
        )
        job = _found(updated)
        return job if job and job.attempt == claim.attempt and not job.has_ended else None

    def keep_image(self, claim: JobClaim, position: int, image: KeptImage) -> bool:
        """Note that an image is kept; False where the job is no longer this attempt's."""
        updated = self._update(
            claim.key,
            "SET images.#position = :image",
            _IS_OWN,
            {":attempt": text(claim.attempt), ":image": text(image_to_json(image))},
            {"#position": str(position)},
        )
        return not isinstance(updated, ConditionFailed)

    def keep_media(self, claim: JobClaim, media: KeptMedia) -> bool:
        """Note that the file is kept; False where the job is no longer this attempt's."""
        values = {":attempt": text(claim.attempt), ":media": text(compact_json(asdict(media)))}
        return not isinstance(self._update(claim.key, "SET media = :media", _IS_OWN, values), ConditionFailed)

    def keep_layout(self, claim: JobClaim, layout: str) -> bool:
        """Note the prompt that was written; False where the job is no longer this attempt's."""
        values = {":attempt": text(claim.attempt), ":layout": text(layout)}
        updated = self._update(claim.key, "SET #layout = :layout", _IS_OWN, values, {"#layout": "layout"})
        return not isinstance(updated, ConditionFailed)

    def pause(self, claim: JobClaim, order: Order, *, until: float) -> bool:
        """Let go of the job until a backend is polled for its order; False where it is not this attempt's.

        Attempts are counted anew, since this one did not fail.
        """
        updated = self._update(
            claim.key,
            "SET ordered = :order, attempts = :zero, paused_until = :until, lease_ends_at = :zero, "
            "due_at = :due",
            _IS_OWN,
            {":attempt": text(claim.attempt), ":order": text(json.dumps(asdict(order)))}
            | {":until": number(until), ":zero": number(0), ":due": number(until + SEND_SECONDS)},
        )
        return not isinstance(updated, ConditionFailed)

    def end(self, claim: JobClaim, state: JobState, *, error: JobError | None, now: float) -> bool:
        """End the job of this attempt; False where it is no longer this attempt's."""
        return self._end(claim.key, claim.attempt, state, error, now, _IS_OWN)

    def fail_unattended(self, key: JobKey, attempt: str, error: JobError, *, now: float) -> bool:
        """End a job that no worker holds, in the name of `attempt`; False where that is not so."""
        return self._end(key, attempt, JobState.FAILED, error, now, _IS_UNATTENDED)

    def cancel(self, key: JobKey, by: str, *, now: float) -> Job | None:
        """The job, cancelled in the name of `by`; None where it is gone or had ended.

        A job that was being processed keeps its lease until `close`.
        """
        for state, rest in ((JobState.QUEUED, " REMOVE #open, due_at"), (JobState.PROCESSING, "")):
            updated = self._update(
                key,
                f"SET #state = :cancelled, ended_at = :now, cancelled_by = :by{rest}",
                "#state = :expected",
                {":cancelled": text(JobState.CANCELLED), ":expected": text(state)}
                | {":by": text(by), ":now": number(now)},
            )
            item = updated.item if isinstance(updated, ConditionFailed) else updated
            if item and item.get("cancelled_by") == text(by):
                return read_item(item, job_from_item)
        return None

    def close(self, key: JobKey, attempt: str) -> bool:
        """Take a cancelled job from the attempt that had it; False where it is gone, another's, or closed."""
        updated = self._update(
            key,
            _NO_LONGER_OPEN,
            "attempt = :attempt AND #state = :cancelled AND attribute_exists(#open)",
            {":attempt": text(attempt), ":cancelled": text(JobState.CANCELLED)},
        )
        return not isinstance(updated, ConditionFailed)

    def release(self, claim: JobClaim, *, now: float) -> None:
        """Let the lease of this attempt end now, so that the next one need not wait for it."""
        self._update(
            claim.key,
            "SET lease_ends_at = :zero, due_at = :now",
            _IS_OWN,
            {":attempt": text(claim.attempt), ":zero": number(0), ":now": number(now)},
        )

    def postpone(self, key: JobKey, *, due_at: float) -> None:
        """Note that another message of the job is sent, and that the sweeper looks again at `due_at`."""
        self._update(
            key,
            "SET due_at = :due ADD messages :one",
            "attribute_exists(#open)",
            {":due": number(due_at), ":one": number(1)},
        )

    def delete(self, key: JobKey) -> None:
        """Forget a job."""
        self.table.delete(job_key(key))

    def erase(self, consumer_id: str) -> None:
        """Forget every item of a consumer: its jobs, their names, and its places in the queue."""
        self.table.delete_partition("consumer_id", consumer_id, sort_key="id")

    def _end(
        self, key: JobKey, attempt: str, state: JobState, error: JobError | None, now: float, condition: str
    ) -> bool:
        reason = json.dumps(asdict(error)) if error else ""
        updated = self._update(
            key,
            f"SET #state = :state, ended_at = :now, attempt = :attempt{', #error = :error' if error else ''} "
            f"{_NO_LONGER_OPEN}",
            condition,
            {":state": text(state), ":attempt": text(attempt), ":now": number(now)}
            | ({":error": text(reason)} if error else {}),
        )
        job = _found(updated)
        return job is not None and (job.state, job.attempt) == (state, attempt)

    def _update(
        self,
        key: JobKey,
        expression: str,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
    ) -> Item | ConditionFailed:
        """An update; DynamoDB refuses names and values that an expression does not use."""
        known = {":queued": text(JobState.QUEUED), ":processing": text(JobState.PROCESSING), **values}
        used = f"{expression} {condition} "
        return self.table.update(
            job_key(key),
            expression,
            ConditionExpression=condition,
            ExpressionAttributeNames={
                name: each for name, each in {**_NAMES, **(names or {})}.items() if name in used
            },
            ExpressionAttributeValues={
                name: each for name, each in known.items() if any(f"{name}{end}" in used for end in " ,)")
            },
        )

    def _query(
        self, consumer_id: str, first: str, last: str, *, newest_first: bool, at_once: int
    ) -> Iterator[Item]:
        return self.table.pages(
            "query",
            KeyConditionExpression="consumer_id = :consumer AND id BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":consumer": text(consumer_id), ":first": text(first), ":last": text(last),
            },
            ScanIndexForward=not newest_first,
            Limit=at_once,
        )  # fmt: skip


def _found(updated: Item | ConditionFailed) -> Job | None:
    item = updated.item if isinstance(updated, ConditionFailed) else updated
    return read_item(item, job_from_item) if item else None

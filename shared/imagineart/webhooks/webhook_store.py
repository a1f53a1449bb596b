"""Webhooks and stopped URLs in DynamoDB, by consumer.

Keys consumer_id and key, where key is ``webhook#<id>`` or ``stopped#<digest of the URL>``. While a webhook is
``open``, it has its ``url``, and the index OpenWebhooks has it by ``sweep_at``, when the sweeper looks at it.
``claim`` is the attempt that holds it until ``lease_ends_at``: each write is conditional, so that one of
several does. A call that is sent again after its response was lost finds its own claim.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final

from imagineart.dynamodb import ConditionFailed, DynamoDbTable, Item, number, read_item, text
from imagineart.webhooks.model import (
    KEPT_SECONDS,
    RESENT_SECONDS,
    Attempt,
    State,
    Webhook,
    sweep_at,
)

INDEX: Final = "OpenWebhooks"
_WEBHOOK: Final = "webhook#"
_STOPPED: Final = "stopped#"
_IS_FREE: Final = "(attribute_not_exists(lease_ends_at) OR lease_ends_at < :now)"
_NAMES: Final = {"#claim": "claim", "#open": "open", "#state": "state", "#url": "url"}


@dataclass(frozen=True, slots=True)
class WebhookStore:
    """The webhooks of all consumers. Every method raises AwsCallError."""

    table: DynamoDbTable

    def add(self, webhook: Webhook) -> bool:
        """Keep a new webhook; False where its event has one already."""
        failed = self.table.put(
            _key(webhook.consumer_id, webhook.id),
            {
                "type": text(webhook.type),
                "body": text(webhook.body),
                "url": text(webhook.url or ""),
                "state": text(webhook.state),
                "created_at": number(webhook.created_at),
                "due_at": number(webhook.due_at),
                "open": text("yes"),
                "sweep_at": number(sweep_at(webhook.due_at, webhook.created_at)),
                "tries": number(0),
                "attempts": {"L": []},
                "expires_at": number(webhook.created_at + KEPT_SECONDS),
            },
            ConditionExpression="attribute_not_exists(consumer_id)",
        )
        return failed is None

    def find(self, consumer_id: str, webhook_id: str) -> Webhook | None:
        """The webhook, or None."""
        item = self.table.get(_key(consumer_id, webhook_id))
        return read_item(item, _webhook_from_item) if item else None

    def remove(self, consumer_id: str, webhook_id: str) -> None:
        """Forget a webhook."""
        self.table.delete(_key(consumer_id, webhook_id))

    def list(self, consumer_id: str, *, limit: int) -> list[Webhook]:
        """Up to `limit` webhooks of a consumer, the largest ids first, which are the newest of a kind."""
        items = self._items(consumer_id, _WEBHOOK, ScanIndexForward=False, Limit=limit)
        return [read_item(item, _webhook_from_item) for item in islice(items, limit)]

    def claim(
        self, consumer_id: str, webhook_id: str, claim: str, *, now: float, lease_ends_at: float
    ) -> Webhook | None:
        """The webhook, held by `claim`; None where it is gone, has ended, is not due, or another holds it."""
        updated = self.table.update(
            _key(consumer_id, webhook_id),
            "SET #claim = :claim, lease_ends_at = :lease, sweep_at = :lease ADD tries :one",
            ConditionExpression=f"attribute_exists(#open) AND due_at <= :now AND {_IS_FREE}",
            ExpressionAttributeNames={"#claim": "claim", "#open": "open"},
            ExpressionAttributeValues={
                ":claim": text(claim),
                ":lease": number(int(lease_ends_at)),
                ":now": number(int(now)),
                ":one": number(1),
            },
        )
        item = updated.item if isinstance(updated, ConditionFailed) else updated
        is_own = item is not None and item.get("claim") == text(claim)
        return read_item(item, _webhook_from_item) if item and is_own else None

    def postpone(self, webhook: Webhook, claim: str, attempt: Attempt, *, due_at: int, now: float) -> None:
        """Note a failed attempt, and when the next one is due, unless the attempt has lost its claim."""
        self._settle(
            webhook,
            claim,
            attempt,
            "due_at = :due, sweep_at = :sweep",
            "REMOVE lease_ends_at, #claim",
            {":due": number(due_at), ":sweep": number(sweep_at(due_at, now))},
        )

    def end(self, webhook: Webhook, claim: str, attempt: Attempt, state: State) -> None:
        """Note the last attempt and remove the URL, unless the attempt has lost its claim."""
        self._settle(
            webhook,
            claim,
            attempt,
            "#state = :state",
            "REMOVE lease_ends_at, #claim, #open, sweep_at, #url",
            {":state": text(state)},
        )

    def reopen(self, consumer_id: str, webhook_id: str, *, url: str | None, now: float) -> bool:
        """Make a webhook due now, to `url` or where it went before; False where no URL is left.

        False too where an attempt is being made.
        """
        updated = self.table.update(
            _key(consumer_id, webhook_id),
            "SET #state = :pending, #open = :yes, due_at = :now, sweep_at = :sweep, tries = :zero"
            f"{', #url = :url' if url else ''} REMOVE lease_ends_at, #claim",
            ConditionExpression=f"attribute_exists({'consumer_id' if url else '#url'}) AND {_IS_FREE}",
            ExpressionAttributeNames=_NAMES,
            ExpressionAttributeValues={
                ":pending": text(State.PENDING),
                ":yes": text("yes"),
                ":now": number(int(now)),
                ":sweep": number(sweep_at(int(now), now)),
                ":zero": number(0),
            }
            | ({":url": text(url)} if url else {}),
        )
        return not isinstance(updated, ConditionFailed)

    def overdue(self, now: float) -> Iterator[tuple[str, str, int]]:
        """Consumer, id and sweep_at of every webhook that the sweeper looks at now."""
        items = self.table.pages(
            "query",
            is_consistent=False,
            IndexName=INDEX,
            KeyConditionExpression="#open = :yes AND sweep_at <= :now",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues={":yes": text("yes"), ":now": number(int(now))},
        )
        return (
            (item["consumer_id"]["S"], item["key"]["S"].removeprefix(_WEBHOOK), int(item["sweep_at"]["N"]))
            for item in items
        )

    def note_sweep(self, consumer_id: str, webhook_id: str, *, seen: int, now: float) -> bool:
        """Let the sweeper look again later; False where the webhook has changed since it was `seen`."""
        updated = self.table.update(
            _key(consumer_id, webhook_id),
            "SET sweep_at = :next",
            ConditionExpression="sweep_at = :seen",
            ExpressionAttributeValues={":next": number(int(now) + RESENT_SECONDS), ":seen": number(seen)},
        )
        return not isinstance(updated, ConditionFailed)

    def stop(self, consumer_id: str, digest: str, now: float) -> None:
        """Send nothing more to a URL."""
        self.table.put(_stopped_key(consumer_id, digest), {"stopped_at": number(int(now))})

    def is_stopped(self, consumer_id: str, digest: str) -> bool:
        """Whether nothing is sent to a URL."""
        return self.table.get(_stopped_key(consumer_id, digest)) is not None

    def enable(self, consumer_id: str) -> int:
        """Send to every URL of a consumer again; returns how many were stopped."""
        digests = [item["key"]["S"].removeprefix(_STOPPED) for item in self._items(consumer_id, _STOPPED)]
        for digest in digests:
            self.table.delete(_stopped_key(consumer_id, digest))
        return len(digests)

    def erase(self, consumer_id: str) -> None:
        """Forget every item of a consumer: its webhooks, its stopped URLs and the versions of its secret."""
        self.table.delete_partition("consumer_id", consumer_id, sort_key="key")

    def _settle(
        self, webhook: Webhook, claim: str, attempt: Attempt, sets: str, removes: str, values: Item
    ) -> None:
        used = f"{sets} {removes}"
        self.table.update(
            _key(webhook.consumer_id, webhook.id),
            f"SET attempts = list_append(attempts, :attempts), {sets} {removes}",
            ConditionExpression="#claim = :claim",
            ExpressionAttributeNames={name: each for name, each in _NAMES.items() if name in used},
            ExpressionAttributeValues={
                ":claim": text(claim),
                ":attempts": {"L": [text(json.dumps(asdict(attempt)))]},
                **values,
            },
        )

    def _items(self, consumer_id: str, prefix: str, **parameters: Any) -> Iterator[Item]:
        return self.table.pages(
            "query",
            **parameters,
            KeyConditionExpression="consumer_id = :consumer AND begins_with(#key, :prefix)",
            ExpressionAttributeNames={"#key": "key"},
            ExpressionAttributeValues={":consumer": text(consumer_id), ":prefix": text(prefix)},
        )


def _key(consumer_id: str, webhook_id: str) -> Item:
    return {"consumer_id": text(consumer_id), "key": text(_WEBHOOK + webhook_id)}


def _stopped_key(consumer_id: str, digest: str) -> Item:
    return {"consumer_id": text(consumer_id), "key": text(_STOPPED + digest)}


def _webhook_from_item(item: Item) -> Webhook:
    return Webhook(
        consumer_id=item["consumer_id"]["S"],
        id=item["key"]["S"].removeprefix(_WEBHOOK),
        type=item["type"]["S"],
        body=item["body"]["S"],
        url=item["url"]["S"] if "url" in item else None,
        created_at=int(item["created_at"]["N"]),
        due_at=int(item["due_at"]["N"]),
        state=State(item["state"]["S"]),
        tries=int(item["tries"]["N"]),
        attempts=tuple(Attempt(**json.loads(each["S"])) for each in item["attempts"]["L"]),
    )

"""Queue a webhook when its event happens, and send what is due and was lost or deferred."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.webhooks.model import MAX_QUEUE_DELAY_SECONDS, Webhook, new_webhook, webhook_id_of

MAX_SWEPT: Final = 1000
"""How many webhooks one sweep sends; the next one goes on."""


class MessageQueue(Protocol):
    """Where messages are sent that name a webhook. See `Queue`."""

    def send(self, body: str, *, delay_seconds: int = 0, group: str | None = None) -> None: ...


class OpenWebhooks(Protocol):
    """The webhooks that are not ended. See `WebhookStore` for what each method does."""

    def add(self, webhook: Webhook) -> bool: ...

    def overdue(self, now: float) -> Iterator[tuple[str, str, int]]: ...

    def remove(self, consumer_id: str, webhook_id: str) -> None: ...

    def note_sweep(self, consumer_id: str, webhook_id: str, *, seen: int, now: float) -> bool: ...


@dataclass(frozen=True, slots=True)
class QueueWebhooks:
    """Sends messages of webhooks. Every method raises AwsCallError."""

    webhooks: OpenWebhooks
    queue: MessageQueue
    clock: Callable[[], float]

    def queue_webhook(self, consumer_id: str, *, event_id: str, type: str, body: str, url: str) -> str:
        """Queue the webhook of an event, and return its id.

        `url` is one that `parse_url` has accepted. A repeated call with the same event does no harm, so a
        caller that may have crashed after it calls again.
        """
        webhook = new_webhook(consumer_id, event_id=event_id, type=type, body=body, url=url, now=self.clock())
        self.webhooks.add(webhook)
        self.send(webhook)
        return webhook.id

    def remove(self, consumer_id: str, *, event_id: str) -> None:
        """Forget the webhook of an event, if it has one; an attempt that is being made goes on."""
        self.webhooks.remove(consumer_id, webhook_id_of(event_id))

    def send(self, webhook: Webhook) -> None:
        """Send a message that comes when the webhook is due, or leave that to the sweeper."""
        delay = max(0, webhook.due_at - int(self.clock()))
        if delay <= MAX_QUEUE_DELAY_SECONDS:
            self._send(webhook.consumer_id, webhook.id, delay)

    def sweep(self) -> int:
        """Send a message for each webhook that is overdue; returns how many."""
        sent = 0
        for consumer_id, webhook_id, seen in self.webhooks.overdue(self.clock()):
            if self.webhooks.note_sweep(consumer_id, webhook_id, seen=seen, now=self.clock()):
                self._send(consumer_id, webhook_id, 0)
                sent += 1
            if sent == MAX_SWEPT:
                break
        return sent

    def _send(self, consumer_id: str, webhook_id: str, delay_seconds: int) -> None:
        # Neither the URL nor the body is in a message, which may stay in a queue of failures for weeks.
        message = json.dumps({"consumer_id": consumer_id, "webhook_id": webhook_id})
        self.queue.send(message, delay_seconds=delay_seconds, group=consumer_id)

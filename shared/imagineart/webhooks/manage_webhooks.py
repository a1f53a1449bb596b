"""The operator's side of webhooks: list attempts, send again, try a URL, enable a stopped one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.access.base62 import to_base62
from imagineart.access.manage_consumers import ConsumerRegister, find_registered
from imagineart.errors import InvalidRequestError, NotFoundError
from imagineart.images.seeds import RandomBelow
from imagineart.outbound.addresses import parse_url
from imagineart.webhooks.model import State, Webhook, standard_body
from imagineart.webhooks.queue_webhook import OpenWebhooks, QueueWebhooks

TEST_TYPE: Final = "webhook.test"
_NONCE_BITS: Final = 64


class WebhookRegister(OpenWebhooks, Protocol):
    """The webhooks of all consumers. See `WebhookStore` for what each method does."""

    def find(self, consumer_id: str, webhook_id: str) -> Webhook | None: ...

    def list(self, consumer_id: str, *, limit: int) -> list[Webhook]: ...

    def reopen(self, consumer_id: str, webhook_id: str, *, url: str | None, now: float) -> bool: ...

    def enable(self, consumer_id: str) -> int: ...


@dataclass(frozen=True, slots=True)
class ManageWebhooks:
    """Shows webhooks and sends them. Every method raises NotFoundError for an unknown consumer."""

    webhooks: WebhookRegister
    queue: QueueWebhooks
    consumers: ConsumerRegister
    random_below: RandomBelow
    clock: Callable[[], float]
    allows_loopback: bool

    def list(self, consumer_id: str, *, limit: int) -> list[Webhook]:
        """Up to `limit` webhooks of a consumer, the newest last."""
        find_registered(self.consumers, consumer_id)
        found = self.webhooks.list(consumer_id, limit=limit)
        return sorted(found, key=lambda each: (each.created_at, each.id))

    def find(self, consumer_id: str, webhook_id: str) -> Webhook:
        """The webhook. Raises NotFoundError for an unknown one."""
        find_registered(self.consumers, consumer_id)
        webhook = self.webhooks.find(consumer_id, webhook_id)
        if webhook is None:
            raise NotFoundError("webhook", webhook_id)
        return webhook

    def redeliver(self, consumer_id: str, webhook_id: str, *, url: str | None) -> None:
        """Start the attempts again, now, with the same id and body.

        Raises NotFoundError for an unknown webhook; InvalidRequestError where a new `url` is needed, for one
        that is not allowed, and while an attempt is being made.
        """
        webhook = self.find(consumer_id, webhook_id)
        if url is None and webhook.url is None:
            raise InvalidRequestError(
                "webhook",
                f"got '{webhook.id}', whose URL was removed when it was {_words(webhook.state)}; give one.",
            )
        accepted = parse_url("url", url, allows_loopback=self.allows_loopback).text if url else None
        if not self.webhooks.reopen(consumer_id, webhook_id, url=accepted, now=self.clock()):
            raise InvalidRequestError(
                "webhook", f"got '{webhook.id}', of which an attempt is being made; try again in a minute."
            )
        self.queue.send(self.find(consumer_id, webhook_id))

    def send_test(self, consumer_id: str, url: str) -> str:
        """Queue a webhook of the type ``webhook.test`` and return its id.

        Raises InvalidRequestError for a URL that is not allowed.
        """
        find_registered(self.consumers, consumer_id)
        accepted = parse_url("url", url, allows_loopback=self.allows_loopback)
        nonce = to_base62(self.random_below(2**_NONCE_BITS), 11)
        body = standard_body(TEST_TYPE, {}, self.clock())
        return self.queue.queue_webhook(
            consumer_id, event_id=f"test_{nonce}", type=TEST_TYPE, body=body, url=accepted.text
        )

    def enable(self, consumer_id: str) -> int:
        """Send to every URL of the consumer again; returns how many were stopped."""
        find_registered(self.consumers, consumer_id)
        return self.webhooks.enable(consumer_id)


def _words(state: State) -> str:
    return state.replace("_", " ")

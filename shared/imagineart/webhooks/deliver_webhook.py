"""One attempt to deliver a webhook, and what follows from how it ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from imagineart.access.base62 import to_base62
from imagineart.errors import InvalidRequestError
from imagineart.images.seeds import RandomBelow
from imagineart.outbound.addresses import parse_url
from imagineart.outbound.http import Failure, OutboundError, Sender
from imagineart.webhooks.model import (
    ATTEMPT_SECONDS,
    DELAYS_SECONDS,
    LEASE_SECONDS,
    Attempt,
    Outcome,
    State,
    Webhook,
    next_attempt_at,
    url_digest,
)
from imagineart.webhooks.queue_webhook import QueueWebhooks
from imagineart.webhooks.signing import signed_headers
from imagineart.webhooks.signing_secrets import SigningSecrets

_CLAIM_BITS: Final = 128
_GONE: Final = 410
_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "ImagineArt-Webhooks"}


class HeldWebhooks(Protocol):
    """The webhooks of which an attempt is made. See `WebhookStore` for what each method does."""

    def claim(
        self, consumer_id: str, webhook_id: str, claim: str, *, now: float, lease_ends_at: float
    ) -> Webhook | None: ...

    def postpone(
        self, webhook: Webhook, claim: str, attempt: Attempt, *, due_at: int, now: float
    ) -> None: ...

    def end(self, webhook: Webhook, claim: str, attempt: Attempt, state: State) -> None: ...

    def stop(self, consumer_id: str, digest: str, now: float) -> None: ...

    def is_stopped(self, consumer_id: str, digest: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class DeliverWebhooks:
    """Makes attempts; `report` gets each one that ended, and what became of its webhook."""

    webhooks: HeldWebhooks
    queue: QueueWebhooks
    secrets: SigningSecrets
    http: Sender
    random_below: RandomBelow
    clock: Callable[[], float]
    report: Callable[[Webhook, Attempt, State], None]

    async def deliver(self, consumer_id: str, webhook_id: str) -> None:
        """Make an attempt if one is due and no other is being made. Raises AwsCallError, InternalError.

        A failure of our own leaves the webhook claimed, and the sweeper sends it again when the claim ends.
        """
        # Before the claim: an outage of the keys must not use up attempts.
        secrets = self.secrets.valid(consumer_id)
        claim = to_base62(self.random_below(2**_CLAIM_BITS), 22)
        now = self.clock()
        webhook = self.webhooks.claim(
            consumer_id, webhook_id, claim, now=now, lease_ends_at=now + LEASE_SECONDS
        )
        if webhook is None or webhook.url is None:
            return
        attempt, retry_after = await self._attempt(webhook, webhook.url, secrets)
        state = self._settle(webhook, claim, attempt, retry_after)
        self.report(webhook, attempt, state)

    async def _attempt(self, webhook: Webhook, url: str, secrets: list[bytes]) -> tuple[Attempt, str | None]:
        """How the attempt ended, and the Retry-After of the response."""
        at = int(self.clock())
        if webhook.tries > len(DELAYS_SECONDS):
            # The last attempt crashed, and so may every other.
            return Attempt(at, Outcome.CRASHED), None
        if self.webhooks.is_stopped(webhook.consumer_id, url_digest(url)):
            return Attempt(at, Outcome.STOPPED), None
        headers = _HEADERS | signed_headers(webhook.id, webhook.body, secrets, at)
        started = time.monotonic()
        try:
            response = await self.http.send(
                "POST",
                parse_url("url", url, allows_loopback=self.http.allows_loopback),
                headers=headers,
                content=webhook.body.encode(),
                seconds=ATTEMPT_SECONDS,
            )
        except OutboundError as error:
            return Attempt(at, error.failure, _milliseconds_since(started)), None
        except InvalidRequestError:
            return Attempt(at, Failure.ADDRESS_REFUSED), None
        attempt = Attempt(at, _outcome(response.status), _milliseconds_since(started), response.status)
        return attempt, response.headers.get("retry-after")

    def _settle(self, webhook: Webhook, claim: str, attempt: Attempt, retry_after: str | None) -> State:
        if attempt.outcome == Outcome.DELIVERED:
            self.webhooks.end(webhook, claim, attempt, State.DELIVERED)
            return State.DELIVERED
        now = self.clock()
        if attempt.outcome == Outcome.GONE:
            self.webhooks.stop(webhook.consumer_id, url_digest(webhook.url or ""), now)
        due_at = (
            None
            if attempt.outcome in (Outcome.GONE, Outcome.STOPPED, Outcome.CRASHED)
            else next_attempt_at(webhook, now, retry_after=retry_after, random_below=self.random_below)
        )
        if due_at is None:
            self.webhooks.end(webhook, claim, attempt, State.GIVEN_UP)
            return State.GIVEN_UP
        self.webhooks.postpone(webhook, claim, attempt, due_at=due_at, now=now)
        self.queue.send(replace(webhook, due_at=due_at))
        return State.PENDING


def _outcome(status: int) -> Outcome:
    if status == _GONE:
        return Outcome.GONE
    return Outcome.DELIVERED if 200 <= status < 300 else Outcome.REFUSED


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)

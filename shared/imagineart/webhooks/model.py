"""A webhook: when it is sent, when it is sent again, and when it is given up.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final

from imagineart.images.seeds import RandomBelow

DELAYS_SECONDS: Final = (0, 5, 300, 1800, 7200, 18_000, 36_000)
"""How long each attempt comes after the one before; each but the first two up to a tenth later."""

MAX_RETRY_AFTER_SECONDS: Final = 86_400
ATTEMPT_SECONDS: Final = 15.0
"""The time for one exchange, look-up of the name included."""

LEASE_SECONDS: Final = 35
"""How long an attempt holds its webhook: as long as the function may run, and for clocks that differ."""

KEPT_SECONDS: Final = 30 * 86_400
"""How long a webhook is listed, from when it is queued."""

MAX_QUEUE_DELAY_SECONDS: Final = 900
"""The longest that SQS delays a message; a webhook that is due later is sent by the sweeper."""

OVERDUE_SECONDS: Final = 60
"""A webhook that is due so long is sent again by the sweeper: its message may be lost."""

RESENT_SECONDS: Final = 300
"""The sweeper looks at a webhook again after so long, so that a long queue does not grow by its messages."""


class State(StrEnum):
    """What becomes of a webhook."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Outcome(StrEnum):
    """How an attempt ended that a receiver responded to, or that was not made."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    GONE = "gone"
    """The receiver responded with 410: nothing more is sent to this URL."""
    STOPPED = "stopped"
    """The URL is stopped since an earlier 410."""
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at `at` (Unix seconds): an `Outcome`, or the name of the failure, and the status if any."""

    at: int
    outcome: str
    milliseconds: int = 0
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook of a consumer; its `url` is a secret, and is None once it is delivered or given up.

    `due_at`, in Unix seconds, is when the next attempt is due; `tries` counts those that were begun.
    """

    consumer_id: str
    id: str
    type: str
    body: str = field(repr=False)
    url: str | None = field(repr=False)
    created_at: int
    due_at: int
    state: State = State.PENDING
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()


def standard_body(type: str, data: Mapping[str, Any], now: float) -> str:
    """The body of a webhook as Standard Webhooks have it."""
    moment = datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({"type": type, "timestamp": moment, "data": data})


def new_webhook(consumer_id: str, *, event_id: str, type: str, body: str, url: str, now: float) -> Webhook:
    """A webhook that is due now. Its id is that of its event, so that an event has one webhook."""
    return Webhook(
        consumer_id, webhook_id_of(event_id), type, body, url, created_at=int(now), due_at=int(now)
    )


def webhook_id_of(event_id: str) -> str:
    """The id of the webhook of an event."""
    return f"wh_{event_id}"


def next_attempt_at(
    webhook: Webhook, now: float, *, retry_after: str | None, random_below: RandomBelow
) -> int | None:
    """When the next attempt is due after one that failed; None where there is none."""
    if webhook.tries >= len(DELAYS_SECONDS):
        return None
    delay = DELAYS_SECONDS[webhook.tries]
    delay += random_below(delay // 10 + 1)
    return int(now) + max(delay, _retry_after_seconds(retry_after, now))


def sweep_at(due_at: int, now: float) -> int:
    """When the sweeper looks at a webhook that is due at `due_at`."""
    return due_at if due_at - now > MAX_QUEUE_DELAY_SECONDS else due_at + OVERDUE_SECONDS


def url_digest(url: str) -> str:
    """What a stopped URL is known by."""
    return hashlib.sha256(url.encode()).hexdigest()


def _retry_after_seconds(value: str | None, now: float) -> int:
    """The seconds of a Retry-After, a day at most; 0 for none and for one that cannot be read."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        # Python reads no number of thousands of digits.
        return min(int(text[:9]), MAX_RETRY_AFTER_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    return int(min(max(seconds, 0), MAX_RETRY_AFTER_SECONDS))

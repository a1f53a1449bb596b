"""Consumers and tokens as rows of a table and as JSON, and options that have several values."""

from datetime import UTC, datetime
from typing import Any, Final

from imagineart.access.consumers import Consumer
from imagineart.access.manage_tokens import TokenState
from imagineart.access.tokens import ALL_SCOPES, StoredToken, TokenKind

CONSUMER_HEADER: Final = ("consumer", "requests a minute", "at a time", "images a day", "models")
TOKEN_HEADER: Final = (
    "token id", "consumer", "kept in", "scopes", "created", "rotate by", "expires", "last used", "state",
)  # fmt: skip
_KEPT_IN: Final = {TokenKind.PARTNER: "DynamoDB", TokenKind.INTERNAL: "Secrets Manager"}


def consumer_row(consumer: Consumer) -> tuple[str, ...]:
    """The cells under `CONSUMER_HEADER`."""
    limits = consumer.limits
    return (
        consumer.id,
        str(limits.requests_per_minute),
        str(limits.concurrent_requests),
        "any" if limits.images_per_day is None else str(limits.images_per_day),
        "all" if consumer.models is None else ",".join(sorted(consumer.models)),
    )


def consumer_sentence(consumer: Consumer) -> str:
    """The limits and models of a consumer in words."""
    limits = consumer.limits
    images = "any number of" if limits.images_per_day is None else str(limits.images_per_day)
    models = "every model" if consumer.models is None else ", ".join(sorted(consumer.models))
    return (
        f"Consumer {consumer.id} may make {limits.requests_per_minute} requests a minute, "
        f"{limits.concurrent_requests} for images at a time, {images} images a day, with {models}."
    )


def consumer_document(consumer: Consumer) -> dict[str, Any]:
    """A consumer as JSON; `images_per_day` is null without a bound, `models` for every model."""
    return {
        "consumer_id": consumer.id,
        "requests_per_minute": consumer.limits.requests_per_minute,
        "concurrent_requests": consumer.limits.concurrent_requests,
        "images_per_day": consumer.limits.images_per_day,
        "models": None if consumer.models is None else sorted(consumer.models),
    }


def token_row(token: StoredToken, state: TokenState) -> tuple[str, ...]:
    """The cells under `TOKEN_HEADER`."""
    return (
        token.id,
        token.consumer_id,
        _KEPT_IN[_kind(token)],
        "all" if token.scopes == ALL_SCOPES else ",".join(sorted(token.scopes)),
        date_of(token.created_at),
        date_of(token.rotation_due_at),
        date_of(token.expires_at) if token.expires_at is not None else "never",
        token.last_used_on or "never",
        state,
    )


def token_document(token: StoredToken, state: TokenState) -> dict[str, Any]:
    """A token as JSON; times that do not apply are null."""
    return {
        "token_id": token.id,
        "consumer_id": token.consumer_id,
        "kind": _kind(token).name.lower(),
        "scopes": sorted(token.scopes),
        "created_at": _iso(token.created_at),
        "rotation_due_at": _iso(token.rotation_due_at),
        "expires_at": _iso(token.expires_at),
        "revoked_at": _iso(token.revoked_at),
        "last_used_on": token.last_used_on,
        "pepper_version": token.pepper_version,
        "state": str(state),
    }


def comma_list(text: str | None) -> frozenset[str] | None:
    """The values between the commas, without blank ones; None where the option is not given."""
    if text is None:
        return None
    return frozenset(value.strip() for value in text.split(",")) - {""}


def date_of(unix_seconds: int) -> str:
    """The day (UTC) in ISO form."""
    return datetime.fromtimestamp(unix_seconds, UTC).date().isoformat()


def time_of(unix_seconds: int) -> str:
    """The second (UTC) in ISO form."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _kind(token: StoredToken) -> TokenKind:
    return TokenKind(token.id[0])


def _iso(unix_seconds: int | None) -> str | None:
    if unix_seconds is None:
        return None
    return time_of(unix_seconds)

"""What lives in Secrets Manager: the peppers, the internal tokens and the backend's credential.

Documents (JSON):

- peppers: ``{"current": "1", "1": "<random text>", ...}``
- internal tokens: ``{"consumers": {"<consumer id>": {"requests_per_minute": 100, "tokens":
  [{"id", "digest", "pepper_version", "created_at", "expires_at"?}]}}}``
- backend credentials: ``{"<host>[:<port>]": "<API key>"}``, for each backend that wants one
"""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from imagineart.adapters.aws_client import AwsClient
from imagineart.domain.consumers import Consumer
from imagineart.domain.errors import InternalError, InvalidRequestError
from imagineart.domain.ports import Clock, Revocations
from imagineart.domain.tokens import Peppers, StoredToken

INTERNAL_TOKENS_CACHED_SECONDS: Final = 5.0
PEPPERS_CACHED_SECONDS: Final = 300.0
BACKEND_CREDENTIAL_CACHED_SECONDS: Final = 60.0


class CachedSecret:
    """One JSON secret, read again when older than `cached_seconds`."""

    def __init__(self, client: AwsClient, secret_id: str, *, cached_seconds: float, clock: Clock) -> None:
        self._client = client
        self._secret_id = secret_id
        self._cached_seconds = cached_seconds
        self._clock = clock
        self._held: tuple[dict[str, Any], float] | None = None

    def read(self) -> dict[str, Any]:
        """The secret's JSON object. Raises AwsCallError; InternalError where it holds no JSON object."""
        now = self._clock()
        if self._held is None or not 0 <= now - self._held[1] < self._cached_seconds:
            self._held = self._fetch(), now
        return self._held[0]

    def write(self, document: dict[str, Any]) -> None:
        """Replace the secret's JSON object. Raises AwsCallError."""
        self._client.call(
            "secretsmanager",
            "PutSecretValue",
            {"SecretId": self._secret_id, "SecretString": json.dumps(document)},
        )
        self._held = None

    def _fetch(self) -> dict[str, Any]:
        answer = self._client.call("secretsmanager", "GetSecretValue", {"SecretId": self._secret_id})
        try:
            document = json.loads(answer["SecretString"])
        except (KeyError, ValueError):
            document = None
        if not isinstance(document, dict):
            raise InternalError(detail=f"the secret {self._secret_id} holds no JSON object")
        return document


@dataclass(frozen=True, slots=True)
class SecretsManagerPeppers:
    """A PepperSource."""

    secret: CachedSecret

    def read(self) -> Peppers:
        """All peppers. Raises AwsCallError; InternalError where the secret names no current version."""
        keys = dict(self.secret.read())
        current = keys.pop("current", None)
        if not isinstance(current, str) or not keys.get(current):
            raise InternalError(detail="the pepper secret names no current version")
        return Peppers(current, keys)


@dataclass(frozen=True, slots=True)
class SecretsManagerTokenStore:
    """A TokenStore for internal services; revocations are kept elsewhere so that they hold at once."""

    secret: CachedSecret
    revocations: Revocations

    def find(self, token_id: str) -> StoredToken | None:
        """The stored token with its revocation, or None. Raises AwsCallError."""
        revoked_at = self.revocations.revoked_at(token_id)
        for token in self._tokens(revoked_at_of=lambda _: revoked_at):
            if token.id == token_id:
                return token
        return None

    def has_tokens(self) -> bool:
        """Whether the secret holds any token."""
        return any(consumer["tokens"] for consumer in self._consumers().values())

    def list_tokens(self) -> list[StoredToken]:
        """Every internal token."""
        return self._tokens(revoked_at_of=self.revocations.revoked_at)

    def add_token(self, token: StoredToken) -> None:
        """Append a token to its consumer's list; earlier ones stay valid until revoked."""
        consumers = copy.deepcopy(self._consumers())
        consumer = consumers.setdefault(token.consumer.id, {"tokens": []})
        consumer["requests_per_minute"] = token.consumer.requests_per_minute
        entry = {
            "id": token.id,
            "digest": token.digest,
            "pepper_version": token.pepper_version,
            "created_at": token.created_at,
        }
        consumer["tokens"].append(entry | ({"expires_at": token.expires_at} if token.expires_at else {}))
        self.secret.write({"consumers": consumers})

    def _consumers(self) -> dict[str, Any]:
        consumers: dict[str, Any] = self.secret.read().get("consumers", {})
        return consumers

    def _tokens(self, *, revoked_at_of: Callable[[str], int | None]) -> list[StoredToken]:
        """Every token of the secret. Raises InternalError where a hand has written something else into it."""
        try:
            return self._read_tokens(revoked_at_of)
        except (InvalidRequestError, AttributeError, LookupError, TypeError, ValueError) as error:
            detail = f"the internal tokens secret is malformed: {type(error).__name__} {error}"
            raise InternalError(detail=detail) from error

    def _read_tokens(self, revoked_at_of: Callable[[str], int | None]) -> list[StoredToken]:
        return [
            StoredToken(
                id=entry["id"],
                consumer=Consumer(consumer_id, int(consumer["requests_per_minute"])),
                digest=entry["digest"],
                pepper_version=entry["pepper_version"],
                created_at=int(entry["created_at"]),
                expires_at=entry.get("expires_at"),
                revoked_at=revoked_at_of(entry["id"]),
            )
            for consumer_id, consumer in self._consumers().items()
            for entry in consumer["tokens"]
        ]


@dataclass(frozen=True, slots=True)
class BackendKeys:
    """The inference backends' API keys: ``{"<host>[:<port>]": "<key>"}``, as the host stands in their URL."""

    secret: CachedSecret

    def key_for(self, host: str) -> str | None:
        """The key, or None where the backend wants none. Raises AwsCallError."""
        key = self.secret.read().get(host)
        return str(key) if key else None

"""What lives in Secrets Manager: the peppers, the internal tokens and the backend's credential.

Documents (JSON):

- peppers: ``{"current": "1", "1": "<random text>", ...}``
- internal tokens: ``{"consumers": {"<consumer id>": {"tokens":
  [{"id", "digest", "pepper_version", "scopes", "created_at", "expires_at"?}]}}}``
- backend credentials: ``{"<host>[:<port>]": "<API key>"}``, for each backend that wants one

A secret is changed by compare and set: the new value comes in under a staging label of its own, and then
``AWSCURRENT`` is moved to it from the version that was read, which fails where another change came first.
Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
"""

import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from imagineart.aws import AwsClient
from imagineart.aws import AwsCallError
from imagineart.access.token_store import DynamoDbTokenStore, Marks
from imagineart.errors import InternalError
from imagineart.access.tokens import Scope
from imagineart.domain.ports import Clock
from imagineart.access.tokens import KEPT_AFTER_EXPIRY_SECONDS, Peppers, StoredToken

INTERNAL_TOKENS_CACHED_SECONDS: Final = 5.0
TOKENS_MISSED_SECONDS: Final = 1.0
"""How old the internal tokens may be where one that is looked for is not among them."""
PEPPERS_CACHED_SECONDS: Final = 300.0
PEPPERS_MISSED_SECONDS: Final = 5.0
"""How old the peppers may be where one that is needed is not among them."""
BACKEND_CREDENTIAL_CACHED_SECONDS: Final = 60.0

_CURRENT: Final = "AWSCURRENT"
_MAX_CHANGE_ATTEMPTS: Final = 10
"""As many operators may change one secret at a time: of those who meet, one gets through."""
_PAUSE_SECONDS: Final = 0.2
"""How much longer each attempt waits at most than the one before."""


class CachedSecret:
    """One JSON secret, read again when older than `cached_seconds` (or fewer, where asked for)."""

    def __init__(
        self,
        client: AwsClient,
        secret_id: str,
        *,
        cached_seconds: float,
        clock: Clock,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`pause` waits some seconds before a change that was overtaken is tried again."""
        self._client = client
        self._secret_id = secret_id
        self._cached_seconds = cached_seconds
        self._clock = clock
        self._pause = pause
        self._held: tuple[dict[str, Any], float] | None = None

    def read(self, *, at_most_seconds: float | None = None) -> dict[str, Any]:
        """The secret's JSON object. Raises AwsCallError; InternalError where it holds no JSON object."""
        now = self._clock()
        allowed = self._cached_seconds
        if at_most_seconds is not None:
            allowed = min(allowed, at_most_seconds)
        if self._held is None or not 0 <= now - self._held[1] < allowed:
            self._held = self._fetch()[0], now
        return self._held[0]

    def change(self, make: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Replace the secret's JSON object by what `make` makes of it; no change of others is ever lost.

        `make` is called again with the newer object where another change came first; what it raises ends
        the change. Raises AwsCallError; InternalError where the secret holds no JSON object.
        """
        self._held = None
        for attempt in range(1, _MAX_CHANGE_ATTEMPTS + 1):
            document, version = self._fetch()
            try:
                self._replace(version, make(document))
            except _ChangedMeanwhileError as refused:
                if attempt == _MAX_CHANGE_ATTEMPTS:
                    raise refused.error from refused
                self._pause(random.uniform(0, attempt * _PAUSE_SECONDS))
            else:
                return

    def _replace(self, version: str, document: dict[str, Any]) -> None:
        """Replace the version that was read. Raises _ChangedMeanwhileError where it is no longer current."""
        # Its own id makes the call safe to repeat, and as a label keeps the version from being swept away.
        new_version = str(uuid.uuid4())
        self._call(
            "PutSecretValue",
            ClientRequestToken=new_version,
            SecretString=json.dumps(document),
            VersionStages=[new_version],
        )
        try:
            self._move(_CURRENT, RemoveFromVersionId=version, MoveToVersionId=new_version)
        except AwsCallError as error:
            current = self._fetch()[1]
            # A call that was repeated under way is refused though it was done.
            if current == new_version:
                return
            if current == version:
                raise
            raise _ChangedMeanwhileError(error) from error
        finally:
            # A label too many does no harm.
            with suppress(AwsCallError):
                self._move(new_version, RemoveFromVersionId=new_version)

    def _move(self, label: str, **versions: str) -> None:
        self._call("UpdateSecretVersionStage", VersionStage=label, **versions)

    def _fetch(self) -> tuple[dict[str, Any], str]:
        """The current JSON object, and the id of its version."""
        # Said, since moto means the version that was written last, and AWS this one.
        answer = self._call("GetSecretValue", VersionStage=_CURRENT)
        try:
            document = json.loads(answer["SecretString"])
        except (KeyError, ValueError):
            document = None
        if not isinstance(document, dict):
            raise InternalError(detail=f"the secret {self._secret_id} holds no JSON object")
        return document, str(answer.get("VersionId", ""))

    def _call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        return self._client.call("secretsmanager", operation, {"SecretId": self._secret_id, **parameters})


class _ChangedMeanwhileError(Exception):
    """Another change of the secret came first; `error` is how AWS says so."""

    def __init__(self, error: AwsCallError) -> None:
        super().__init__()
        self.error = error


@dataclass(frozen=True, slots=True)
class SecretsManagerPeppers:
    """A PepperRegister."""

    secret: CachedSecret

    def read(self) -> Peppers:
        """All peppers. Raises AwsCallError; InternalError where the secret names no current version."""
        return _peppers_from_document(self.secret.read())

    def read_anew(self) -> Peppers:
        """The same, for who misses one that was added a moment ago."""
        return _peppers_from_document(self.secret.read(at_most_seconds=PEPPERS_MISSED_SECONDS))

    def change(self, make: Callable[[Peppers], Peppers]) -> None:
        """Replace all peppers by what `make` makes of them; see `CachedSecret.change`."""

        def changed(document: dict[str, Any]) -> dict[str, Any]:
            peppers = make(_peppers_from_document(document))
            return {"current": peppers.current_version, **peppers.keys}

        self.secret.change(changed)


def _peppers_from_document(document: dict[str, Any]) -> Peppers:
    keys = dict(document)
    current = keys.pop("current", None)
    if not isinstance(current, str) or not keys.get(current):
        raise InternalError(detail="the pepper secret names no current version")
    return Peppers(current, keys)


@dataclass(frozen=True, slots=True)
class SecretsManagerTokenStore:
    """A TokenStore for internal services; the marks on its tokens are in DynamoDB and hold at once."""

    secret: CachedSecret
    marked_in: DynamoDbTokenStore

    def find(self, token_id: str) -> StoredToken | None:
        """The stored token with its marks, or None. Raises AwsCallError."""
        marks = self.marked_in.marks(token_id)
        # An id that is missing may have been added since the list was read.
        for at_most_seconds in (None, TOKENS_MISSED_SECONDS):
            for token in self._tokens(marks_of=lambda _: marks, at_most_seconds=at_most_seconds):
                if token.id == token_id:
                    return token
        return None

    def has_tokens(self) -> bool:
        """Whether the secret holds any token."""
        with _malformed_told():
            return any(consumer["tokens"] for consumer in self._consumers().values())

    def list_tokens(self) -> list[StoredToken]:
        """Every internal token."""
        return self._tokens(marks_of=self.marked_in.marks)

    def add_token(self, token: StoredToken) -> None:
        """Append a token to its consumer's list; earlier ones stay valid until revoked."""

        def appended(document: dict[str, Any]) -> dict[str, Any]:
            consumers = document.setdefault("consumers", {})
            for consumer in consumers.values():
                # A secret holds 64 KB, so tokens that ended long ago make room.
                consumer["tokens"] = [
                    entry
                    for entry in consumer["tokens"]
                    if entry.get("expires_at", token.created_at)
                    > token.created_at - KEPT_AFTER_EXPIRY_SECONDS
                ]
            consumers.setdefault(token.consumer_id, {"tokens": []})["tokens"].append(_entry_of(token))
            return document

        self._change(appended)

    def set_expiry(self, token: StoredToken, expires_at: int) -> None:
        """Let a token end at that time, if it does not end sooner. Raises InternalError where it is gone."""

        def ending(document: dict[str, Any]) -> dict[str, Any]:
            tokens = document["consumers"][token.consumer_id]["tokens"]
            (entry,) = [entry for entry in tokens if entry["id"] == token.id]
            entry["expires_at"] = min(expires_at, entry.get("expires_at", expires_at))
            return document

        self._change(ending)

    def _change(self, make: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        with _malformed_told():
            self.secret.change(make)

    def _consumers(self, at_most_seconds: float | None = None) -> dict[str, Any]:
        document = self.secret.read(at_most_seconds=at_most_seconds)
        consumers: dict[str, Any] = document.get("consumers", {})
        return consumers

    def _tokens(
        self, *, marks_of: Callable[[str], Marks], at_most_seconds: float | None = None
    ) -> list[StoredToken]:
        """Every token of the secret. Raises InternalError where a hand has written something else into it."""
        with _malformed_told():
            entries = [
                (consumer_id, entry)
                for consumer_id, consumer in self._consumers(at_most_seconds).items()
                for entry in consumer["tokens"]
            ]
            return [_token_from(consumer_id, entry, marks_of(entry["id"])) for consumer_id, entry in entries]


@contextmanager
def _malformed_told() -> Iterator[None]:
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        detail = f"the internal tokens secret is malformed: {type(error).__name__} {error}"
        raise InternalError(detail=detail) from error


def _entry_of(token: StoredToken) -> dict[str, Any]:
    entry = {
        "id": token.id,
        "digest": token.digest,
        "pepper_version": token.pepper_version,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at,
    }
    return entry | ({"expires_at": token.expires_at} if token.expires_at else {})


def _token_from(consumer_id: str, entry: dict[str, Any], marks: Marks) -> StoredToken:
    return StoredToken(
        id=entry["id"],
        consumer_id=consumer_id,
        digest=entry["digest"],
        pepper_version=entry["pepper_version"],
        created_at=int(entry["created_at"]),
        scopes=frozenset(map(Scope, entry["scopes"])),
        expires_at=entry.get("expires_at"),
        revoked_at=marks.revoked_at,
        last_used_on=marks.last_used_on,
    )


@dataclass(frozen=True, slots=True)
class BackendKeys:
    """The inference backends' API keys: ``{"<host>[:<port>]": "<key>"}``, as the host stands in their URL."""

    secret: CachedSecret

    def key_for(self, host: str) -> str | None:
        """The key, or None where the backend wants none. Raises AwsCallError."""
        key = self.secret.read().get(host)
        return str(key) if key else None

"""JSON documents in Secrets Manager, cached for reading and changed without losing another change.

A secret is changed by compare and set: the new value comes in under a staging label of its own, and then
``AWSCURRENT`` is moved to it from the version that was read, which fails where another change came first.
Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
"""

import json
import random
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from imagineart.aws import AwsCallError, AwsClients, translated_errors
from imagineart.errors import InternalError

STALE_SECONDS: Final = 3600.0
"""How old a cached secret may become while Secrets Manager is unavailable."""
OUTAGE_RETRY_SECONDS: Final = 30.0
"""How long a cached secret is used before the next attempt during an outage: each attempt takes seconds."""

_CURRENT: Final = "AWSCURRENT"
_MAX_CHANGE_ATTEMPTS: Final = 10
"""As many operators may change one secret at a time: one of those who meet gets through."""
_PAUSE_SECONDS: Final = 0.2
"""How much longer each attempt waits at most than the one before."""


def _no_report(_: str) -> None:
    """A secret that is never cached has nothing to report."""


class CachedSecret:
    """One JSON secret, read again when its copy is older than `cached_seconds`, or fewer where asked for.

    While Secrets Manager is unavailable, the copy is used for up to an hour, and `report` gets a warning for
    each attempt that failed. A secret of zero `cached_seconds` is read every time.
    """

    def __init__(
        self,
        clients: AwsClients,
        secret_id: str,
        *,
        cached_seconds: float,
        report: Callable[[str], None] = _no_report,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`pause` waits some seconds before a change is tried again that another change overtook."""
        self._clients = clients
        self._secret_id = secret_id
        self._cached_seconds = cached_seconds
        self._report = report
        self._clock = clock
        self._pause = pause
        self._held: tuple[dict[str, Any], float] | None = None
        self._retry_at = 0.0

    def read(self, *, at_most_seconds: float | None = None) -> dict[str, Any]:
        """The secret's JSON object. Raises AwsCallError; InternalError where it holds no JSON object."""
        now = self._clock()
        allowed = min(
            self._cached_seconds, self._cached_seconds if at_most_seconds is None else at_most_seconds
        )
        copy = self._copy_younger_than(STALE_SECONDS if now < self._retry_at else allowed, now)
        if copy is not None:
            return copy
        try:
            document = self._fetch()[0]
        except AwsCallError as error:
            copy = self._copy_younger_than(STALE_SECONDS, now)
            if copy is None or not self._cached_seconds or not error.is_outage:
                raise
            self._retry_at = now + OUTAGE_RETRY_SECONDS
            self._report(f"the copy of the secret {self._secret_id} is used: {error.detail}")
            return copy
        self._held, self._retry_at = (document, now), 0.0
        return document

    def change(self, make: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Replace the secret's JSON object by what `make` makes of it; no other change is ever lost.

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

    def _copy_younger_than(self, seconds: float, now: float) -> dict[str, Any] | None:
        if self._held is None:
            return None
        document, read_at = self._held
        # A clock that was set back makes no copy younger.
        return document if 0 <= now - read_at < seconds else None

    def _replace(self, version: str, document: dict[str, Any]) -> None:
        """Replace the version that was read. Raises _ChangedMeanwhileError where it is no longer current."""
        # Its own id makes the call safe to repeat, and as a label keeps the version from being deleted.
        new_version = str(uuid.uuid4())
        self._call(
            "put_secret_value",
            ClientRequestToken=new_version,
            SecretString=json.dumps(document),
            VersionStages=[new_version],
        )
        try:
            self._move(_CURRENT, RemoveFromVersionId=version, MoveToVersionId=new_version)
        except AwsCallError as error:
            current = self._fetch()[1]
            # A call that was sent again after its response was lost is refused though it was done.
            if current == new_version:
                return
            if current == version:
                raise
            raise _ChangedMeanwhileError(error) from error
        finally:
            # One label too many does no harm.
            with suppress(AwsCallError):
                self._move(new_version, RemoveFromVersionId=new_version)

    def _move(self, label: str, **versions: str) -> None:
        self._call("update_secret_version_stage", VersionStage=label, **versions)

    def _fetch(self) -> tuple[dict[str, Any], str]:
        """The current JSON object, and the id of its version."""
        # The label is given, since moto's default is the version that was written last.
        response = self._call("get_secret_value", VersionStage=_CURRENT)
        try:
            document = json.loads(response["SecretString"])
        except (KeyError, ValueError):
            document = None
        if not isinstance(document, dict):
            raise InternalError(detail=f"the secret {self._secret_id} holds no JSON object")
        return document, str(response.get("VersionId", ""))

    def _call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        with translated_errors(f"secretsmanager {operation}"):
            act = getattr(self._clients.client("secretsmanager"), operation)
            response: Mapping[str, Any] = act(SecretId=self._secret_id, **parameters)
            return response


class _ChangedMeanwhileError(Exception):
    """Another change of the secret came first; `error` is what AWS returned."""

    def __init__(self, error: AwsCallError) -> None:
        super().__init__()
        self.error = error

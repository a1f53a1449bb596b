"""Peppers in Secrets Manager: ``{"current": "1", "1": "<random text>", ...}``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from imagineart.access.tokens import Peppers
from imagineart.errors import InternalError
from imagineart.secrets_manager import CachedSecret

PEPPERS_CACHED_SECONDS: Final = 300.0
PEPPERS_MISSED_SECONDS: Final = 5.0
"""How old the peppers may be where a needed version is not among them."""


@dataclass(frozen=True, slots=True)
class PepperStore:
    """The peppers. Every method raises AwsCallError; InternalError where no current version is named."""

    secret: CachedSecret

    def read(self) -> Peppers:
        """All peppers."""
        return _peppers_from_document(self.secret.read())

    def read_anew(self) -> Peppers:
        """All peppers, where one is missing that may have been added recently."""
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

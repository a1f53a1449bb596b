"""The operator's side of peppers: list, rotate, retire, prune."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.access.base62 import to_base62
from imagineart.access.manage_tokens import ManageTokens, TokenState
from imagineart.access.tokens import Peppers, StoredToken
from imagineart.errors import InvalidRequestError, NotFoundError
from imagineart.images.seeds import RandomBelow

_KEY_BITS: Final = 256
_KEY_CHARACTERS: Final = 43
_NAMED_TOKENS: Final = 10
_LIVE: Final = (TokenState.LIVE, TokenState.DUE)


class PepperRegister(Protocol):
    """Where peppers are added and removed."""

    def read(self) -> Peppers:
        """All versions."""

    def change(self, make: Callable[[Peppers], Peppers]) -> None:
        """Replace all peppers by what `make` makes of them; no other change is ever lost.

        `make` may be called more than once; what it raises ends the change, and nothing is changed.
        """


@dataclass(frozen=True, slots=True)
class PepperVersion:
    """One pepper without its key."""

    version: str
    is_current: bool
    live_tokens: int


@dataclass(frozen=True, slots=True)
class RotatePeppers:
    """Adds and removes the keys under which tokens are made. `random_below` must be strong."""

    peppers: PepperRegister
    tokens: ManageTokens
    random_below: RandomBelow

    def list(self) -> list[PepperVersion]:
        """Every version, oldest first, with the number of live tokens made under it."""
        peppers = self.peppers.read()
        live = Counter(token.pepper_version for token in self._live_tokens())
        return [
            PepperVersion(version, version == peppers.current_version, live[version])
            for version in sorted(peppers.keys, key=_age)
        ]

    def rotate(self) -> str:
        """Make later tokens under a new key, and return its version; earlier tokens stay valid."""
        return add_key(self.peppers, self.random_below)

    def require_unused(self, version: str) -> None:
        """Raises what `retire` would raise."""
        self._without(version, self.peppers.read())

    def retire(self, version: str) -> None:
        """Delete a key.

        Raises InvalidRequestError for the current version and for one under which live tokens are made, which
        it names; NotFoundError for an unknown one.
        """
        self.peppers.change(lambda peppers: self._without(version, peppers))

    def unused(self) -> tuple[str, ...]:
        """The versions that `prune` would delete, oldest first."""
        return tuple(each.version for each in self.list() if not (each.is_current or each.live_tokens))

    def prune(self) -> tuple[str, ...]:
        """Delete every key but the current one under which no live token is made; return their versions."""
        unused = self.unused()
        for version in unused:
            self.retire(version)
        return unused

    def _without(self, version: str, peppers: Peppers) -> Peppers:
        if version not in peppers.keys:
            raise NotFoundError("pepper", version)
        if version == peppers.current_version:
            raise InvalidRequestError(
                "pepper", f"got '{version}', which is the current one; rotate the pepper first."
            )
        needed_by = [token.id for token in self._live_tokens() if token.pepper_version == version]
        if needed_by:
            more = len(needed_by) - _NAMED_TOKENS
            raise InvalidRequestError(
                "pepper",
                f"got '{version}', under which live tokens are made; rotate or revoke them first: "
                f"{', '.join(needed_by[:_NAMED_TOKENS])}{f' and {more} more' if more > 0 else ''}.",
            )
        return without_key(peppers, version)

    def _live_tokens(self) -> Iterator[StoredToken]:
        return (token for token in self.tokens.list() if self.tokens.state_of(token) in _LIVE)


def add_key(register: PepperRegister, random_below: RandomBelow) -> str:
    """Add a key, which becomes the current one, and return its version."""
    added = ""

    def change(keys: Peppers) -> Peppers:
        nonlocal added
        added = str(max(_number(version) for version in keys.keys) + 1)
        key = to_base62(random_below(2**_KEY_BITS), _KEY_CHARACTERS)
        return Peppers(added, {**keys.keys, added: key})

    register.change(change)
    return added


def without_key(keys: Peppers, version: str) -> Peppers:
    """The keys but that of a version."""
    return Peppers(keys.current_version, {other: key for other, key in keys.keys.items() if other != version})


def _number(version: str) -> int:
    """The number of a version; an operator may have named one in words."""
    return int(version) if version.isascii() and version.isdigit() else 0


def _age(version: str) -> tuple[int, str]:
    return _number(version), version

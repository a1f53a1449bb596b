"""The operator's side of peppers: list, rotate, retire."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from imagineart.access.base62 import to_base62
from imagineart.errors import InvalidRequestError
from imagineart.domain.ports import PepperRegister
from imagineart.images.seeds import RandomBelow
from imagineart.access.tokens import Peppers, StoredToken
from imagineart.access.manage_tokens import ManageTokens, TokenState
from imagineart.errors import NotFoundError

_KEY_BITS: Final = 256
_KEY_CHARACTERS: Final = 43
_NAMED_TOKENS: Final = 10
_LIVE: Final = (TokenState.LIVE, TokenState.DUE)


@dataclass(frozen=True, slots=True)
class PepperVersion:
    """One pepper, but for its key."""

    version: str
    is_current: bool
    live_tokens: int


@dataclass(frozen=True, slots=True)
class RotatePeppers:
    """Adds and takes away the keys under which tokens are made. `random_below` must be strong."""

    peppers: PepperRegister
    tokens: ManageTokens
    random_below: RandomBelow

    def list(self) -> list[PepperVersion]:
        """Every version, oldest first, with how many live tokens are made under it."""
        peppers = self.peppers.read()
        live = Counter(token.pepper_version for token in self._live_tokens())
        return [
            PepperVersion(version, version == peppers.current_version, live[version])
            for version in sorted(peppers.keys, key=_age)
        ]

    def rotate(self) -> str:
        """Make later tokens under a new key, whose version is returned; those made before stay valid."""
        added = ""

        def with_new_key(peppers: Peppers) -> Peppers:
            nonlocal added
            added = str(max(_number(version) for version in peppers.keys) + 1)
            key = to_base62(self.random_below(2**_KEY_BITS), _KEY_CHARACTERS)
            return Peppers(added, {**peppers.keys, added: key})

        self.peppers.change(with_new_key)
        return added

    def require_unused(self, version: str) -> None:
        """Raises what `retire` would."""
        self._without(version, self.peppers.read())

    def retire(self, version: str) -> None:
        """Take a key away for good.

        Raises InvalidRequestError for the current version and for one under which live tokens are made, which
        it names; NotFoundError for an unknown one.
        """
        self.peppers.change(lambda peppers: self._without(version, peppers))

    def _without(self, version: str, peppers: Peppers) -> Peppers:
        if version not in peppers.keys:
            raise NotFoundError("pepper", version)
        if version == peppers.current_version:
            raise InvalidRequestError(
                "pepper", f"got '{version}', which is the current one; rotate it first."
            )
        in_the_way = [token.id for token in self._live_tokens() if token.pepper_version == version]
        if in_the_way:
            more = len(in_the_way) - _NAMED_TOKENS
            raise InvalidRequestError(
                "pepper",
                f"got '{version}', under which live tokens are made; rotate or revoke them first: "
                f"{', '.join(in_the_way[:_NAMED_TOKENS])}{f' and {more} more' if more > 0 else ''}.",
            )
        kept = {other: key for other, key in peppers.keys.items() if other != version}
        return Peppers(peppers.current_version, kept)

    def _live_tokens(self) -> Iterator[StoredToken]:
        return (token for token in self.tokens.list() if self.tokens.state_of(token) in _LIVE)


def _number(version: str) -> int:
    """What a version counts as; a hand may have named one otherwise."""
    return int(version) if version.isascii() and version.isdigit() else 0


def _age(version: str) -> tuple[int, str]:
    return _number(version), version

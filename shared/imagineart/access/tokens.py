"""API tokens: their format, their checksum, and the keyed digest that is stored in their place.

Format: ``iart_<id>_<secret><checksum>``. The id (16 characters, public, loggable) begins with the letter of
its store; the secret is 256 random bits in 43 base-62 digits; the checksum is the CRC-32 of all before it in
6 base-62 digits, so that a mistyped or invented token is refused without a read of the store.
"""

import hashlib
import hmac
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from imagineart.access.base62 import to_base62
from imagineart.errors import InvalidTokenError

_ID_RANDOM_CHARACTERS: Final = 15
_ID_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_SECRET_BITS: Final = 256
_SECRET_CHARACTERS: Final = 43
_CHECKSUM_CHARACTERS: Final = 6
_FORMAT: Final = re.compile(
    r"iart_(?P<id>[pi][0-9a-z]{15})_(?P<secret>[0-9A-Za-z]{43})(?P<checksum>[0-9A-Za-z]{6})"
)

KEPT_AFTER_EXPIRY_SECONDS: Final = 90 * 86_400
"""How long a token that has expired is still listed before its store deletes it."""

ROTATION_DAYS: Final = 90
"""Rotate at least this often. Source: ImagineArt 2.0 API reference, "Header format"."""


class Scope(StrEnum):
    """What a token may be used for."""

    GENERATE_IMAGES = "images:generate"
    EDIT_IMAGES = "images:edit"
    READ_MODELS = "models:read"
    WRITE_UPLOADS = "uploads:write"


ALL_SCOPES: Final = frozenset(Scope)


class MissingScopeError(InvalidTokenError):
    """The token is valid, but was not issued for this kind of request."""

    code = "invalid_token"

    def __init__(self, *, needed: str, held: Iterable[str]) -> None:
        super().__init__(
            f"This token was not issued for this request, which needs the scope '{needed}'; it has "
            f"{', '.join(sorted(held))}. Use a token with that scope."
        )


class TokenKind(StrEnum):
    """Who a token is for, which decides the store that holds it; the first letter of its id."""

    PARTNER = "p"
    INTERNAL = "i"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the caller has it. `secret` never reaches a log or a store."""

    id: str
    secret: str

    @property
    def kind(self) -> TokenKind:
        """Which store holds it."""
        return TokenKind(self.id[0])

    @property
    def text(self) -> str:
        """The whole token, as sent in the Authorization header."""
        body = f"iart_{self.id}_{self.secret}"
        return body + _checksum(body)

    def __repr__(self) -> str:
        return f"Token(id={self.id!r})"


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token as a store holds it. Times are Unix seconds; `last_used_on` is the day (UTC), in ISO form."""

    id: str
    consumer_id: str
    digest: str
    pepper_version: str
    created_at: int
    scopes: frozenset[Scope] = ALL_SCOPES
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_on: str | None = None

    def is_live(self, now: int) -> bool:
        """Whether it may still be used at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def is_due(self, now: int) -> bool:
        """Whether it should have been rotated by `now`."""
        return self.rotation_due_at <= now

    @property
    def rotation_due_at(self) -> int:
        """When it should be rotated."""
        return self.created_at + ROTATION_DAYS * 86_400


@dataclass(frozen=True, slots=True)
class Peppers:
    """The keys of the digests, by version; new tokens are made under the current one."""

    current_version: str
    keys: Mapping[str, str]

    def digest(self, secret: str, version: str) -> str:
        """HMAC-SHA256 of `secret` in hexadecimal; an unknown version gives a digest that matches nothing."""
        key = self.keys.get(version, "")
        digest = hmac.new(key.encode(), secret.encode(), hashlib.sha256).hexdigest()
        return digest if key else "no such pepper " + digest


def parse_token(text: str) -> Token | None:
    """The token in `text`, or None where the format or the checksum is wrong."""
    match = _FORMAT.fullmatch(text)
    if not match or not hmac.compare_digest(_checksum(text[:-_CHECKSUM_CHARACTERS]), match["checksum"]):
        return None
    return Token(match["id"], match["secret"])


def create_token(kind: TokenKind, random_below: Callable[[int], int]) -> Token:
    """A new token; `random_below` must be cryptographically strong (`secrets.randbelow`)."""
    id_tail = "".join(_ID_ALPHABET[random_below(len(_ID_ALPHABET))] for _ in range(_ID_RANDOM_CHARACTERS))
    return Token(kind + id_tail, to_base62(random_below(2**_SECRET_BITS), _SECRET_CHARACTERS))


def matches(token: Token, stored: StoredToken | None, peppers: Peppers) -> bool:
    """Whether `token` is the one stored; an unknown id (None) costs the same work as a wrong secret."""
    version = stored.pepper_version if stored else peppers.current_version
    expected = stored.digest if stored else ""
    return hmac.compare_digest(peppers.digest(token.secret, version), expected) and stored is not None


def _checksum(body: str) -> str:
    return to_base62(zlib.crc32(body.encode()), _CHECKSUM_CHARACTERS)

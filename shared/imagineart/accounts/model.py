"""What an account is, and the rules of its e-mail address, its password and its reset tokens."""

import hashlib
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from imagineart.access.base62 import to_base62
from imagineart.errors import ImagineArtError, InvalidRequestError
from imagineart.quoting import shown

MAX_EMAIL_CHARACTERS: Final = 255
MIN_PASSWORD_CHARACTERS: Final = 8
MAX_PASSWORD_CHARACTERS: Final = 128
MAX_SAFE_INTEGER: Final = 2**53 - 1
"""The largest integer that JavaScript reads exactly."""

RESET_SECONDS: Final = 30 * 60
"""How long the link of a mail works."""

_WORD: Final = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL: Final = re.compile(rf"(?=.{{1,64}}@){_WORD}(\.{_WORD})*@{_LABEL}(\.{_LABEL})+")
"""What Amazon SES sends to. Other spellings, such as ``<a@b.c>``, would be other accounts of one mailbox.

Sources: RFC 5321 4.1.2 and 4.5.3.1.1 (without quoted strings), RFC 1035 2.3.1
"""
_CONSUMER: Final = re.compile(r"account-(?P<id>[1-9][0-9]{0,15})")
_RESET_TOKEN: Final = re.compile(r"(?P<id>[1-9][0-9]{0,15})\.(?P<secret>[0-9A-Za-z]{43})")
_SECRET_BITS: Final = 256
_SECRET_CHARACTERS: Final = 43


class RefusedError(ImagineArtError):
    """The request is well formed and refused: a wrong password, a taken address, a used link."""

    code = "invalid_request"


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account. Times are Unix seconds.

    A session is valid while it has the account's `session_epoch`. `is_closing` says that its erasure has
    begun, after which it is of no other use.
    """

    id: int
    email: str
    password_hash: str
    created_at: int
    full_name: str | None = None
    session_epoch: int = 0
    is_closing: bool = False

    @property
    def consumer_id(self) -> str:
        """The consumer that its generations count for, and that its API keys are issued to."""
        return f"account-{self.id}"


@dataclass(frozen=True, slots=True)
class ResetToken:
    """What the link of a mail holds; the store has its digest alone."""

    account_id: int
    secret: str

    @property
    def text(self) -> str:
        """The token as the link has it."""
        return f"{self.account_id}.{self.secret}"

    @property
    def digest(self) -> str:
        """SHA-256 of the secret, which has 256 random bits and so needs no key."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def __repr__(self) -> str:
        return f"ResetToken(account_id={self.account_id})"


def create_reset_token(account_id: int, random_below: Callable[[int], int]) -> ResetToken:
    """A new token; `random_below` must be cryptographically strong."""
    return ResetToken(account_id, to_base62(random_below(2**_SECRET_BITS), _SECRET_CHARACTERS))


def parse_reset_token(text: str) -> ResetToken | None:
    """The token of a link, or None where it is none."""
    match = _RESET_TOKEN.fullmatch(text)
    return ResetToken(int(match["id"]), match["secret"]) if match else None


def account_id_of(consumer_id: str) -> int | None:
    """The account that a consumer belongs to, or None where it is a partner's."""
    match = _CONSUMER.fullmatch(consumer_id)
    return int(match["id"]) if match else None


def normalize_email(text: str, *, field: str = "email") -> str:
    """The one spelling under which an address is kept. Raises InvalidRequestError."""
    email = text.strip().lower()
    if len(email) > MAX_EMAIL_CHARACTERS or not _EMAIL.fullmatch(email):
        allowed = f"an e-mail address in ASCII of up to {MAX_EMAIL_CHARACTERS} characters"
        raise InvalidRequestError(field, f"got {shown(text)}; allowed: {allowed}.")
    return email


def network_of(address: str) -> str:
    """What limits count for one client: an IPv4 address, or the /64 network that a client of IPv6 has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))

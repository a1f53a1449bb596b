"""Upload ids, which name an uploaded reference image in a request; unguessable, and one consumer's alone.

Format: ``upl_<nonce><expiry><code>``: 128 random bits in 22 base-62 digits, the Unix second of expiry in 7,
and in 22 the first 128 bits of an HMAC-SHA256 over both and the consumer's id, so that an id needs no record.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from imagineart.access.base62 import from_base62, to_base62
from imagineart.access.tokens import Peppers
from imagineart.images.seeds import RandomBelow

UPLOAD_LIFE_SECONDS: Final = 3600

_NONCE_BITS: Final = 128
_FORMAT: Final = re.compile(
    r"upl_(?P<nonce>[0-9A-Za-z]{22})(?P<expiry>[0-9A-Za-z]{7})(?P<code>[0-9A-Za-z]{22})"
)


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload of a consumer; until `expires_at` (Unix seconds) a request can name it."""

    id: str
    consumer_id: str
    expires_at: int

    @property
    def key(self) -> str:
        """Where its content is stored."""
        return f"{uploads_folder(self.consumer_id)}{self.id}"


@dataclass(frozen=True, slots=True)
class GrantedUpload:
    """How to upload: one PUT with exactly these headers to `url`, before `expires_at` (Unix seconds)."""

    id: str
    url: str
    headers: dict[str, str]
    expires_at: int


def uploads_folder(consumer_id: str) -> str:
    """What the keys of a consumer's uploads begin with."""
    return f"uploads/{consumer_id}/"


def create_upload(consumer_id: str, *, now: int, peppers: Peppers, random_below: RandomBelow) -> Upload:
    """A new upload that expires `UPLOAD_LIFE_SECONDS` from `now`; `random_below` must be strong."""
    expires_at = now + UPLOAD_LIFE_SECONDS
    body = to_base62(random_below(2**_NONCE_BITS), 22) + to_base62(expires_at, 7)
    return Upload(
        f"upl_{body}{_code(body, consumer_id, peppers.keys[peppers.current_version])}",
        consumer_id,
        expires_at,
    )


def read_upload_id(text: str, consumer_id: str, peppers: Peppers) -> Upload | None:
    """The upload that `text` names, or None where it was not made for this consumer."""
    match = _FORMAT.fullmatch(text)
    if match is None:
        return None
    body = match["nonce"] + match["expiry"]
    genuine = [
        hmac.compare_digest(_code(body, consumer_id, key), match["code"]) for key in peppers.keys.values()
    ]
    return Upload(text, consumer_id, from_base62(match["expiry"])) if any(genuine) else None


def _code(body: str, consumer_id: str, key: str) -> str:
    digest = hmac.new(key.encode(), f"upload {body} {consumer_id}".encode(), hashlib.sha256).digest()
    return to_base62(int.from_bytes(digest[:16], "big"), 22)

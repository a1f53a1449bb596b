"""Result names, the last part of a URL that needs no token; unguessable, and with an end of their own.

Format: ``res_<nonce><expiry><code>.<extension>``: 128 bits in 22 base-62 digits, the Unix second of expiry in
7, and in 22 the first 128 bits of an HMAC-SHA256 over all else, so that a name needs no record. The nonce
tells results apart; nobody can guess the code.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from imagineart.access.base62 import from_base62, to_base62
from imagineart.access.tokens import Peppers

MIN_RESULT_LIFE_SECONDS: Final = 60
NONCE_BITS: Final = 128
RESULT_LIFE_SECONDS: Final = 24 * 3600
MAX_RESULT_LIFE_SECONDS: Final = 7 * 24 * 3600
"""The bucket deletes what is older."""

EXTENSION_BY_MEDIA_TYPE: Final[Mapping[str, str]] = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "video/mp4": "mp4",
    "text/plain": "txt",
}
"""What can be kept; nothing among it may be a document that a browser runs."""

IMAGE_MEDIA_TYPES: Final = ("image/png", "image/jpeg", "image/webp")
"""Of these, the images."""

_MEDIA_TYPES: Final = {extension: media_type for media_type, extension in EXTENSION_BY_MEDIA_TYPE.items()}
_FORMAT: Final = re.compile(
    r"res_(?P<nonce>[0-9A-Za-z]{22})(?P<expiry>[0-9A-Za-z]{7})(?P<code>[0-9A-Za-z]{22})"
    rf"\.(?P<extension>{'|'.join(_MEDIA_TYPES)})"
)


@dataclass(frozen=True, slots=True)
class Result:
    """A file that every client that knows its `name` can get until `expires_at` (Unix seconds).

    `key` is where it is stored; it names no owner, and the name cannot be made of it.
    """

    name: str
    key: str
    media_type: str
    expires_at: int

    @property
    def path(self) -> str:
        """The path of its URL, behind the API's base URL."""
        return result_path(self.name)


def result_path(name: str) -> str:
    """The path of a result's URL, behind the API's base URL."""
    return f"/results/{name}"


def nonce_of(consumer_id: str, image: int) -> int:
    """The nonce of a consumer's image, by its number, which has up to `NONCE_BITS`.

    The URL shows the nonce, and neither the number nor any other consumer leads to it.
    """
    digest = hashlib.sha256(f"{consumer_id} {image:032x}".encode()).digest()
    return int.from_bytes(digest[: NONCE_BITS // 8], "big")


def result_key(nonce: int, *, media_type: str) -> str:
    """Where a result of that nonce is stored. Raises KeyError for a media type that none has."""
    return _key(to_base62(nonce, 22), EXTENSION_BY_MEDIA_TYPE[media_type])


def create_result(media_type: str, life_seconds: int, *, now: int, peppers: Peppers, nonce: int) -> Result:
    """A new result that expires `life_seconds` from `now`; `nonce` has up to `NONCE_BITS`.

    Raises ValueError for a life that no result has, and KeyError for a media type.
    """
    if not MIN_RESULT_LIFE_SECONDS <= life_seconds <= MAX_RESULT_LIFE_SECONDS:
        allowed = f"{MIN_RESULT_LIFE_SECONDS} to {MAX_RESULT_LIFE_SECONDS}"
        raise ValueError(f"life_seconds: got {life_seconds}; allowed: {allowed}.")
    extension, expires_at = EXTENSION_BY_MEDIA_TYPE[media_type], now + life_seconds
    digits, expiry = to_base62(nonce, 22), to_base62(expires_at, 7)
    code = _code(digits, expiry, extension, peppers.keys[peppers.current_version])
    return Result(f"res_{digits}{expiry}{code}.{extension}", _key(digits, extension), media_type, expires_at)


def read_result_name(name: str, peppers: Peppers) -> Result | None:
    """The result of that name, or None where the name was not made here."""
    match = _FORMAT.fullmatch(name)
    if match is None:
        return None
    nonce, expiry, code, extension = match.groups()
    genuine = [
        hmac.compare_digest(_code(nonce, expiry, extension, key), code) for key in peppers.keys.values()
    ]
    if not any(genuine):
        return None
    return Result(name, _key(nonce, extension), _MEDIA_TYPES[extension], from_base62(expiry))


def _key(nonce: str, extension: str) -> str:
    return f"results/{nonce}.{extension}"


def _code(nonce: str, expiry: str, extension: str, key: str) -> str:
    digest = hmac.new(key.encode(), f"result {nonce}{expiry}.{extension}".encode(), hashlib.sha256).digest()
    return to_base62(int.from_bytes(digest[:16], "big"), 22)

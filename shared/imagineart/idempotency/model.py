"""Responses that are sent again when a request is repeated under the same Idempotency-Key.

Source: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from imagineart.errors import InvalidRequestError

KEPT_SECONDS: Final = 24 * 3600
_KEY_FORMAT: Final = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A whole successful response: headers by name, and the body."""

    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt's right to make the response, until `lease_ends_at` (Unix seconds).

    `record_id` stands for a consumer's key, `fingerprint` for the request, and `attempt` for the attempt.
    """

    record_id: str
    fingerprint: str
    attempt: str
    lease_ends_at: float


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a key: the request it came with, and where the response is, once there is one."""

    fingerprint: str
    headers: Mapping[str, str] | None = None
    storage_key: str | None = None


def check_idempotency_key(key: str) -> None:
    """Raises InvalidRequestError for a malformed key."""
    if not _KEY_FORMAT.fullmatch(key):
        raise InvalidRequestError(
            "Idempotency-Key",
            f"got {len(key)} characters; allowed: 1 to 255 visible ASCII characters, such as a UUID.",
        )


def record_id(consumer_id: str, key: str) -> str:
    """A digest that stands for a consumer's key in the store, which never has the key itself."""
    return hashlib.sha256(f"{consumer_id}\0{key}".encode()).hexdigest()


def fingerprint(
    key: str, operation: str, fields: Mapping[str, str], files: Sequence[bytes | str], response_type: str
) -> str:
    """A digest of what a request means; another request under the same `key` has another one.

    It is not made from bytes, since a client that repeats a form chooses another multipart boundary. It
    includes the key, which is stored nowhere, so that a prompt cannot be found by trying.
    """
    digests = [
        file if isinstance(file, str) else f"sha256 {hashlib.sha256(file).hexdigest()}" for file in files
    ]
    meaning = json.dumps([key, operation, sorted(fields.items()), digests, response_type])
    return hashlib.sha256(meaning.encode(errors="surrogatepass")).hexdigest()

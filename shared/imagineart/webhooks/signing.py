"""Signatures of webhooks, by Standard Webhooks, under a secret that each consumer has.

A consumer's secret is derived from a key of the deployment, the consumer and a version (HKDF, RFC 5869), so
that only the version is stored, and a rotation is a number that grows.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

_PREFIX: Final = "whsec_"


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """Which secret of a consumer: its number, and the name of the key that it is derived from."""

    number: int
    key_name: str


@dataclass(frozen=True, slots=True)
class SigningVersions:
    """The present secret of a consumer, and the one before it until `previous_ends_at` (Unix seconds)."""

    current: SecretVersion
    previous: SecretVersion | None = None
    previous_ends_at: int = 0

    def valid(self, now: float) -> list[SecretVersion]:
        """The versions that sign, the present one first."""
        overlapping = [self.previous] if self.previous and now < self.previous_ends_at else []
        return [self.current, *overlapping]


def derive_secret(key: str, consumer_id: str, number: int) -> bytes:
    """The 32 bytes of a consumer's secret; `key` has at least 256 random bits."""
    return hkdf_sha256(key.encode(), f"imagineart webhook {consumer_id} {number}".encode())


def hkdf_sha256(key: bytes, info: bytes) -> bytes:
    """32 bytes by HKDF with SHA-256 and without a salt."""
    extracted = hmac.digest(bytes(hashlib.sha256().digest_size), key, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def secret_text(secret: bytes) -> str:
    """A secret as receivers get it."""
    return _PREFIX + base64.b64encode(secret).decode()


def signed_headers(webhook_id: str, body: str, secrets: list[bytes], now: float) -> dict[str, str]:
    """The headers of an attempt, with a signature under each of the secrets."""
    timestamp = int(now)
    signed = f"{webhook_id}.{timestamp}.{body}".encode()
    signatures = (base64.b64encode(hmac.digest(secret, signed, "sha256")).decode() for secret in secrets)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }

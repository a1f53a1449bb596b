"""Every setting of the system, typed and frozen, built from a given mapping."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


class SettingsError(ValueError):
    """A setting is missing or has a bad value; the text names the variable. It stops the function's start."""


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """What authentication and rate limits need."""

    region: str
    aws_endpoint_url: str | None
    tokens_table: str
    request_counts_table: str
    pepper_secret: str
    internal_tokens_secret: str

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> "AccessSettings":
        """Read ``AWS_*`` and ``IMAGINEART_*`` variables. Raises SettingsError."""
        return cls(
            region=_required(environment, "AWS_REGION"),
            aws_endpoint_url=environment.get("AWS_ENDPOINT_URL") or None,
            tokens_table=_required(environment, "IMAGINEART_TOKENS_TABLE"),
            request_counts_table=_required(environment, "IMAGINEART_REQUEST_COUNTS_TABLE"),
            pepper_secret=_required(environment, "IMAGINEART_PEPPER_SECRET"),
            internal_tokens_secret=_required(environment, "IMAGINEART_INTERNAL_TOKENS_SECRET"),
        )


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """What calling the inference backend needs. `base_url` ends in ``/v1`` and has no trailing slash."""

    base_url: str
    generation_model: str
    edit_model: str
    credential_secret: str
    response_format: str

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> "BackendSettings":
        """Read ``IMAGINEART_BACKEND_*`` variables. Raises SettingsError."""
        return cls(
            base_url=_base_url(environment, "IMAGINEART_BACKEND_URL"),
            generation_model=_required(environment, "IMAGINEART_BACKEND_GENERATION_MODEL"),
            edit_model=_required(environment, "IMAGINEART_BACKEND_EDIT_MODEL"),
            credential_secret=_required(environment, "IMAGINEART_BACKEND_CREDENTIAL_SECRET"),
            response_format=_required(environment, "IMAGINEART_BACKEND_RESPONSE_FORMAT"),
        )


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """Where uploaded reference images wait."""

    bucket: str

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> "UploadSettings":
        """Read ``IMAGINEART_UPLOADS_BUCKET``. Raises SettingsError."""
        return cls(bucket=_required(environment, "IMAGINEART_UPLOADS_BUCKET"))


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name}: the setting is required and is not set.")
    return value


def _base_url(environment: Mapping[str, str], name: str) -> str:
    value = _required(environment, name)
    if not _is_base_url(value):
        shown = value.rpartition("@")[2]
        raise SettingsError(
            f"{name}: got '{shown}'; allowed is an http:// or https:// URL with a host and without a user, "
            "a query or a fragment."
        )
    return value.rstrip("/")


def _is_base_url(text: str) -> bool:
    if not (text.isascii() and text.isprintable()) or any(each in text for each in " @?#"):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False

"""Every setting of the system, typed and frozen, built from a given mapping."""

from collections.abc import Mapping
from dataclasses import dataclass


class SettingsError(ValueError):
    """A setting is missing or has a bad value; the text names the variable. It stops the function's start."""


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """What authentication, limits and usage need."""

    tokens_table: str
    consumers_table: str
    usage_table: str
    pepper_secret: str
    internal_tokens_secret: str

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "AccessSettings":
        """Raises SettingsError."""
        return cls(
            tokens_table=_required(variables, "IMAGINEART_TOKENS_TABLE"),
            consumers_table=_required(variables, "IMAGINEART_CONSUMERS_TABLE"),
            usage_table=_required(variables, "IMAGINEART_USAGE_TABLE"),
            pepper_secret=_required(variables, "IMAGINEART_PEPPER_SECRET"),
            internal_tokens_secret=_required(variables, "IMAGINEART_INTERNAL_TOKENS_SECRET"),
        )


@dataclass(frozen=True, slots=True)
class TokenReviewSettings:
    """Where tokens are listed."""

    tokens_table: str
    internal_tokens_secret: str

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "TokenReviewSettings":
        """Raises SettingsError."""
        return cls(
            tokens_table=_required(variables, "IMAGINEART_TOKENS_TABLE"),
            internal_tokens_secret=_required(variables, "IMAGINEART_INTERNAL_TOKENS_SECRET"),
        )


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """The backends of one model, as `imagineart.backends.routes` parses them, and where their keys are."""

    backends: str
    credential_secret: str

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "BackendSettings":
        """Raises SettingsError."""
        return cls(
            backends=_required(variables, "IMAGINEART_BACKENDS"),
            credential_secret=_required(variables, "IMAGINEART_BACKEND_CREDENTIAL_SECRET"),
        )


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """Where uploaded reference images wait."""

    bucket: str

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "UploadSettings":
        """Raises SettingsError."""
        return cls(bucket=_required(variables, "IMAGINEART_UPLOADS_BUCKET"))


@dataclass(frozen=True, slots=True)
class IdempotencySettings:
    """Where responses are kept for repeated requests."""

    table: str
    bucket: str

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "IdempotencySettings":
        """Raises SettingsError."""
        return cls(
            table=_required(variables, "IMAGINEART_IDEMPOTENCY_TABLE"),
            bucket=_required(variables, "IMAGINEART_IDEMPOTENCY_BUCKET"),
        )


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Whether prompts may be logged."""

    log_prompts: bool

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "LogSettings":
        """Raises SettingsError."""
        log_prompts = _required(variables, "IMAGINEART_LOG_PROMPTS")
        if log_prompts not in ("true", "false"):
            raise SettingsError(f"IMAGINEART_LOG_PROMPTS: got '{log_prompts}'; allowed: true, false.")
        return cls(log_prompts=log_prompts == "true")


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """The names of a function's metrics, and its version."""

    namespace: str
    service: str
    version: str

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "MetricsSettings":
        """Raises SettingsError."""
        return cls(
            namespace=_required(variables, "POWERTOOLS_METRICS_NAMESPACE"),
            service=_required(variables, "POWERTOOLS_SERVICE_NAME"),
            version=variables.get("AWS_LAMBDA_FUNCTION_VERSION") or "$LATEST",
        )


def _required(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name}: the setting is required and is not set.")
    return value

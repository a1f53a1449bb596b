"""Every setting of the system, typed and frozen, built from a given mapping."""

from collections.abc import Mapping
from dataclasses import dataclass


class SettingsError(ValueError):
    """A setting is missing or has a bad value; the text names the variable. It stops the function's start."""


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """What authentication, limits and the account of requests need."""

    region: str
    aws_endpoint_url: str | None
    tokens_table: str
    consumers_table: str
    usage_table: str
    pepper_secret: str
    internal_tokens_secret: str

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> "AccessSettings":
        """Read ``AWS_*`` and ``IMAGINEART_*`` variables. Raises SettingsError."""
        return cls(
            region=_required(environment, "AWS_REGION"),
            aws_endpoint_url=environment.get("AWS_ENDPOINT_URL") or None,
            tokens_table=_required(environment, "IMAGINEART_TOKENS_TABLE"),
            consumers_table=_required(environment, "IMAGINEART_CONSUMERS_TABLE"),
            usage_table=_required(environment, "IMAGINEART_USAGE_TABLE"),
            pepper_secret=_required(environment, "IMAGINEART_PEPPER_SECRET"),
            internal_tokens_secret=_required(environment, "IMAGINEART_INTERNAL_TOKENS_SECRET"),
        )


@dataclass(frozen=True, slots=True)
class TokenReviewSettings:
    """Where tokens are listed."""

    region: str
    aws_endpoint_url: str | None
    tokens_table: str
    internal_tokens_secret: str

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> "TokenReviewSettings":
        """Read ``AWS_*`` and ``IMAGINEART_*`` variables. Raises SettingsError."""
        return cls(
            region=_required(environment, "AWS_REGION"),
            aws_endpoint_url=environment.get("AWS_ENDPOINT_URL") or None,
            tokens_table=_required(environment, "IMAGINEART_TOKENS_TABLE"),
            internal_tokens_secret=_required(environment, "IMAGINEART_INTERNAL_TOKENS_SECRET"),
        )


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """The routes of one model, written as `parse_routes` reads them, and where their keys are kept."""

    routes: str
    credential_secret: str

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> "BackendSettings":
        """Read ``IMAGINEART_BACKEND*`` variables. Raises SettingsError."""
        return cls(
            routes=_required(environment, "IMAGINEART_BACKENDS"),
            credential_secret=_required(environment, "IMAGINEART_BACKEND_CREDENTIAL_SECRET"),
        )


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """Where uploaded reference images wait."""

    bucket: str

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> "UploadSettings":
        """Read ``IMAGINEART_UPLOADS_BUCKET``. Raises SettingsError."""
        return cls(bucket=_required(environment, "IMAGINEART_UPLOADS_BUCKET"))


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """Where pictures are kept to be given again, and whether prompts may be logged."""

    answers_table: str
    answers_bucket: str
    log_prompts: bool

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> "ImageSettings":
        """Read ``IMAGINEART_ANSWERS_*`` and ``IMAGINEART_LOG_PROMPTS``. Raises SettingsError."""
        log_prompts = _required(environment, "IMAGINEART_LOG_PROMPTS")
        if log_prompts not in ("true", "false"):
            raise SettingsError(f"IMAGINEART_LOG_PROMPTS: got '{log_prompts}'; allowed are true and false.")
        return cls(
            answers_table=_required(environment, "IMAGINEART_ANSWERS_TABLE"),
            answers_bucket=_required(environment, "IMAGINEART_ANSWERS_BUCKET"),
            log_prompts=log_prompts == "true",
        )


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Under which names a function's metrics are found, and of which version they are."""

    namespace: str
    service: str
    version: str

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> "MetricsSettings":
        """Read ``POWERTOOLS_*`` and Lambda's ``AWS_LAMBDA_FUNCTION_VERSION``. Raises SettingsError."""
        return cls(
            namespace=_required(environment, "POWERTOOLS_METRICS_NAMESPACE"),
            service=_required(environment, "POWERTOOLS_SERVICE_NAME"),
            version=environment.get("AWS_LAMBDA_FUNCTION_VERSION") or "$LATEST",
        )


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name}: the setting is required and is not set.")
    return value

"""Every setting of the system, typed and frozen, read from a given mapping."""

from collections.abc import Mapping
from dataclasses import dataclass


class SettingsError(ValueError):
    """A setting is missing or has a bad value; the text names the variable. It stops the function's start."""


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where webhooks are kept and queued, and the secret with the keys that sign them.

    `reaches_loopback` is for the local stack: on AWS, loopback is the runtime of the function.
    """

    table: str
    queue_url: str
    key_secret: str
    reaches_loopback: bool

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "WebhookSettings":
        """Raises SettingsError."""
        return cls(
            table=_required(variables, "IMAGINEART_WEBHOOKS_TABLE"),
            queue_url=_required(variables, "IMAGINEART_WEBHOOKS_QUEUE"),
            key_secret=_required(variables, "IMAGINEART_WEBHOOK_SECRET"),
            reaches_loopback=_flag(variables, "IMAGINEART_REACH_LOOPBACK"),
        )


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Where tokens, consumers, models, usage, accounts and webhooks are: what the command line needs."""

    tokens_table: str
    consumers_table: str
    models_table: str
    usage_table: str
    pepper_secret: str
    internal_tokens_secret: str
    accounts_table: str
    credits_table: str
    session_secret: str
    webhooks: WebhookSettings

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "AccessSettings":
        """Raises SettingsError."""
        return cls(
            tokens_table=_required(variables, "IMAGINEART_TOKENS_TABLE"),
            consumers_table=_required(variables, "IMAGINEART_CONSUMERS_TABLE"),
            models_table=_required(variables, "IMAGINEART_MODELS_TABLE"),
            usage_table=_required(variables, "IMAGINEART_USAGE_TABLE"),
            pepper_secret=_required(variables, "IMAGINEART_PEPPER_SECRET"),
            internal_tokens_secret=_required(variables, "IMAGINEART_INTERNAL_TOKENS_SECRET"),
            accounts_table=_required(variables, "IMAGINEART_ACCOUNTS_TABLE"),
            credits_table=_required(variables, "IMAGINEART_CREDITS_TABLE"),
            session_secret=_required(variables, "IMAGINEART_SESSION_SECRET"),
            webhooks=WebhookSettings.from_mapping(variables),
        )


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


@dataclass(frozen=True, slots=True)
class JobSettings:
    """Where jobs and results are stored, jobs are sent and counted, and what makes images.

    Names of what a function does not use are empty. `content_checker` is ``rekognition``, or ``prompt``
    for the local stack; `reaches_loopback` is for that too.
    """

    table: str
    queue: str
    bucket: str
    consumers_table: str
    usage_table: str
    models_table: str
    backend_credential_secret: str
    webhooks_table: str
    webhooks_queue: str
    credits_table: str
    results_bucket: str
    pepper_secret: str
    connections_table: str
    websocket_url: str
    content_checker: str
    reaches_loopback: bool

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "JobSettings":
        """The settings of a function that may have to do with jobs."""
        return cls(
            table=_optional(variables, "IMAGINEART_JOBS_TABLE"),
            queue=_optional(variables, "IMAGINEART_JOBS_QUEUE"),
            bucket=_optional(variables, "IMAGINEART_JOBS_BUCKET"),
            consumers_table=_optional(variables, "IMAGINEART_CONSUMERS_TABLE"),
            usage_table=_optional(variables, "IMAGINEART_USAGE_TABLE"),
            models_table=_optional(variables, "IMAGINEART_MODELS_TABLE"),
            backend_credential_secret=_optional(variables, "IMAGINEART_BACKEND_CREDENTIAL_SECRET"),
            webhooks_table=_optional(variables, "IMAGINEART_WEBHOOKS_TABLE"),
            webhooks_queue=_optional(variables, "IMAGINEART_WEBHOOKS_QUEUE"),
            credits_table=_optional(variables, "IMAGINEART_CREDITS_TABLE"),
            results_bucket=_optional(variables, "IMAGINEART_RESULTS_BUCKET"),
            pepper_secret=_optional(variables, "IMAGINEART_PEPPER_SECRET"),
            connections_table=_optional(variables, "IMAGINEART_CONNECTIONS_TABLE"),
            websocket_url=_optional(variables, "IMAGINEART_WEBSOCKET_URL"),
            content_checker=_optional(variables, "IMAGINEART_CONTENT_CHECKER"),
            reaches_loopback=_flag(variables, "IMAGINEART_REACH_LOOPBACK"),
        )


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The settings of a function that works on jobs behind the API."""

    metrics: MetricsSettings
    jobs: JobSettings

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "WorkerSettings":
        """Raises SettingsError."""
        for name in ("JOBS_TABLE", "JOBS_QUEUE", "JOBS_BUCKET", "RESULTS_BUCKET", "CREDITS_TABLE"):
            _required(variables, f"IMAGINEART_{name}")
        for name in ("WEBHOOKS_TABLE", "WEBHOOKS_QUEUE", "CONNECTIONS_TABLE", "WEBSOCKET_URL"):
            _required(variables, f"IMAGINEART_{name}")
        return cls(metrics=MetricsSettings.from_mapping(variables), jobs=JobSettings.from_mapping(variables))


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """The settings of one function of an API. Names of what it does not use are empty.

    `reaches_loopback` is for the local stack.
    """

    metrics: MetricsSettings
    tokens_table: str
    internal_tokens_secret: str
    idempotency_table: str
    idempotency_bucket: str
    uploads_bucket: str
    jobs: JobSettings
    reaches_loopback: bool
    logs_prompts: bool
    base_url: str

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "FunctionSettings":
        """Raises SettingsError."""
        return cls(
            metrics=MetricsSettings.from_mapping(variables),
            tokens_table=_optional(variables, "IMAGINEART_TOKENS_TABLE"),
            internal_tokens_secret=_optional(variables, "IMAGINEART_INTERNAL_TOKENS_SECRET"),
            idempotency_table=_optional(variables, "IMAGINEART_IDEMPOTENCY_TABLE"),
            idempotency_bucket=_optional(variables, "IMAGINEART_IDEMPOTENCY_BUCKET"),
            uploads_bucket=_optional(variables, "IMAGINEART_UPLOADS_BUCKET"),
            jobs=JobSettings.from_mapping(variables),
            reaches_loopback=_flag(variables, "IMAGINEART_REACH_LOOPBACK"),
            logs_prompts=_flag(variables, "IMAGINEART_LOG_PROMPTS"),
            base_url=_optional(variables, "IMAGINEART_BASE_URL"),
        )


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """Where accounts are, what signs their sessions, and whether anybody may sign up."""

    table: str
    session_secret: str
    mail_queue: str
    signup_is_open: bool

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "AccountSettings":
        """Raises SettingsError."""
        return cls(
            table=_required(variables, "IMAGINEART_ACCOUNTS_TABLE"),
            session_secret=_required(variables, "IMAGINEART_SESSION_SECRET"),
            mail_queue=_required(variables, "IMAGINEART_MAIL_QUEUE"),
            signup_is_open=_flag(variables, "IMAGINEART_SIGNUP"),
        )


@dataclass(frozen=True, slots=True)
class PaymentSettings:
    """Where accounts are, and how Stripe is reached."""

    accounts_table: str
    secret: str
    stripe_url: str

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "PaymentSettings":
        """Raises SettingsError."""
        return cls(
            accounts_table=_required(variables, "IMAGINEART_ACCOUNTS_TABLE"),
            secret=_required(variables, "IMAGINEART_PAYMENT_SECRET"),
            stripe_url=_required(variables, "IMAGINEART_STRIPE_URL"),
        )


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Who sends mail, and the page that its links lead to; both are empty where no mail is sent."""

    accounts_table: str
    sender: str
    reset_page: str

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "MailSettings":
        """Raises SettingsError."""
        return cls(
            accounts_table=_required(variables, "IMAGINEART_ACCOUNTS_TABLE"),
            sender=_optional(variables, "IMAGINEART_MAIL_SENDER"),
            reset_page=_optional(variables, "IMAGINEART_RESET_PAGE"),
        )


def _optional(variables: Mapping[str, str], name: str) -> str:
    return variables.get(name, "").strip()


def _required(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name}: the setting is required and is not set.")
    return value


def _flag(variables: Mapping[str, str], name: str) -> bool:
    value = variables.get(name, "").strip() or "false"
    if value not in ("true", "false"):
        raise SettingsError(f"{name}: got '{value}'; allowed: true, false.")
    return value == "true"

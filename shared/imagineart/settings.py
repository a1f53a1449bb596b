"""Every setting of the system, typed and frozen, built from a given mapping."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from imagineart.backends.call_backends import DEFAULT_RETRIES

_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_MAX_ATTEMPT_SECONDS: Final = 280
_MAX_RETRIES: Final = 5


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
class BackendRoute:
    """One backend that may serve a model; `name` is what callers are told.

    `where` is a base URL without a trailing slash or, for ``bedrock``, an AWS region. `model` is empty for
    ``imagineart``. `attempt_seconds` bounds one attempt, and `retries` are made where nothing was painted.
    """

    name: str
    kind: str
    where: str
    model: str
    attempt_seconds: float | None = None
    retries: int = DEFAULT_RETRIES
    response_format: str | None = None
    upscaler: bool = True
    endpoint: str | None = None


OPENAI_KINDS: Final = ("openai", "vllm-omni", "sglang", "openai-compatible")
_OPTIONS_BY_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(OPENAI_KINDS, ("attempt", "retries")),
    "openai-compatible": ("attempt", "retries", "response_format"),
    "bedrock": ("attempt", "retries", "upscaler", "endpoint"),
    "imagineart": ("attempt", "retries"),
}


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """The backends of one model, in the order in which they are asked, and where their API keys are kept."""

    routes: tuple[BackendRoute, ...]
    credential_secret: str

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> "BackendSettings":
        """Read ``IMAGINEART_BACKEND*`` variables. Raises SettingsError."""
        return cls(
            routes=parse_routes(_required(environment, "IMAGINEART_BACKENDS")),
            credential_secret=_required(environment, "IMAGINEART_BACKEND_CREDENTIAL_SECRET"),
        )


def parse_routes(text: str) -> tuple[BackendRoute, ...]:
    """Routes, separated by commas, each ``<kind> <URL or region> <model> [<option>=<value>]...``.

    A second backend of a kind is named after it with a number, as in ``vllm-omni-2``. Raises SettingsError.
    """
    routes: list[BackendRoute] = []
    for route in text.split(","):
        kind = (route.split() or [""])[0]
        number = 1 + sum(each.kind == kind for each in routes)
        routes.append(_parse_route(route.split(), kind if number == 1 else f"{kind}-{number}"))
    return tuple(routes)


def _parse_route(words: Sequence[str], name: str) -> BackendRoute:
    kind, where, *rest = (*words, "", "")[: max(2, len(words))]
    if kind not in _OPTIONS_BY_KIND:
        raise _route_error(f"got the kind '{kind}'; allowed are {', '.join(_OPTIONS_BY_KIND)}")
    plain = [word for word in rest if "=" not in word]
    options = dict(word.split("=", 1) for word in rest if "=" in word)
    if len(plain) != (kind != "imagineart"):
        model = "no model" if kind == "imagineart" else "one model"
        raise _route_error(f"{name}: got '{' '.join(plain)}' after '{where}'; allowed is {model}")
    if len(options) != sum("=" in word for word in rest) or "" in options.values():
        raise _route_error(f"{name}: got '{' '.join(rest)}'; allowed is each option once, with a value")
    for option in options:
        if option not in _OPTIONS_BY_KIND[kind]:
            raise _route_error(
                f"{name}: got the option '{option}'; allowed are {', '.join(_OPTIONS_BY_KIND[kind])}"
            )
    if kind == "bedrock":
        if not _REGION.fullmatch(where):
            raise _route_error(f"{name}: got '{where}'; allowed is an AWS region, such as us-west-2")
    else:
        where = _base_url(where, name)
    return BackendRoute(
        name=name,
        kind=kind,
        where=where,
        model="".join(plain),
        attempt_seconds=(
            _whole_number(options["attempt"], 1, _MAX_ATTEMPT_SECONDS, name) if "attempt" in options else None
        ),
        retries=(
            _whole_number(options["retries"], 0, _MAX_RETRIES, name)
            if "retries" in options
            else DEFAULT_RETRIES
        ),
        response_format=options.get("response_format"),
        upscaler=_is_on(options.get("upscaler", "on"), name),
        endpoint=_base_url(options["endpoint"], name) if "endpoint" in options else None,
    )


def _whole_number(text: str, lowest: int, highest: int, name: str) -> int:
    if not (text.isascii() and text.isdigit() and lowest <= int(text[:6]) <= highest):
        raise _route_error(f"{name}: got '{text}'; allowed are whole numbers from {lowest} to {highest}")
    return int(text)


def _is_on(text: str, name: str) -> bool:
    if text not in ("on", "off"):
        raise _route_error(f"{name}: got upscaler={text}; allowed are on and off")
    return text == "on"


def _route_error(problem: str) -> SettingsError:
    return SettingsError(f"IMAGINEART_BACKENDS: {problem}.")


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


def _base_url(text: str, name: str) -> str:
    if not _is_base_url(text):
        shown = text.rpartition("@")[2]
        raise _route_error(
            f"{name}: got '{shown}'; allowed is an http:// or https:// URL with a host and without a user, "
            "a query or a fragment"
        )
    return text.rstrip("/")


def _is_base_url(text: str) -> bool:
    if not (text.isascii() and text.isprintable()) or any(each in text for each in " @?#"):
        return False
    try:
        parts = urlsplit(text)
        # What no name can be would else be found when it is looked up.
        host = (parts.hostname or "").encode("idna")
        return parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:
        return False

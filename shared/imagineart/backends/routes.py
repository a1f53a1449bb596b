"""Routes: how an operator writes which backends make the images, and the adapters that it stands for."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from imagineart.aws import AwsClients
from imagineart.backends.keys import BackendKeys
from imagineart.backends.model import DEFAULT_RETRIES, ImageBackend, Route
from imagineart.settings import SettingsError

if TYPE_CHECKING:
    from imagineart.backends.http import HttpClient

_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_MAX_ATTEMPT_SECONDS: Final = 280
_MAX_RETRIES: Final = 5
_BEDROCK_THREADS: Final = 8
"""Twice the images that one request makes at the same time, so that as many abandoned calls can run out."""

_OPTIONS_BY_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    "openai": ("attempt", "retries"),
    "vllm-omni": ("attempt", "retries"),
    "sglang": ("attempt", "retries"),
    "openai-compatible": ("attempt", "retries", "response_format"),
    "bedrock": ("attempt", "retries", "upscaler", "endpoint"),
    "imagineart": ("attempt", "retries"),
}


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """One backend that may serve a model; `name` is what callers see.

    `where` is a base URL without a trailing slash or, for ``bedrock``, an AWS region. `model` is empty for
    ``imagineart``. `attempt_seconds` bounds one attempt, and `retries` are made where no image was made.
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


def parse_routes(text: str) -> tuple[RouteSettings, ...]:
    """Routes, separated by commas, each ``<kind> <URL or region> <model> [<option>=<value>]...``.

    A second backend of a kind is named after it with a number, as in ``vllm-omni-2``. Raises SettingsError.
    """
    routes: list[RouteSettings] = []
    for route in text.split(","):
        kind = (route.split() or [""])[0]
        number = 1 + sum(each.kind == kind for each in routes)
        routes.append(_parse_route(route.split(), kind if number == 1 else f"{kind}-{number}"))
    return tuple(routes)


def build_routes(
    routes: Sequence[RouteSettings],
    *,
    clients: AwsClients,
    keys: BackendKeys,
    http: "HttpClient | None" = None,
) -> list[Route]:
    """The routes with their adapters, which connect when they are first used. Raises SettingsError.

    All of them share `http`, which is given where the caller has to close it.
    """
    threads = ThreadPoolExecutor(_BEDROCK_THREADS, "bedrock")

    def build(route: RouteSettings) -> ImageBackend:
        if route.kind == "bedrock":
            return _build_bedrock(route, clients, threads)
        nonlocal http
        from imagineart.backends.http import HttpClient

        http = http or HttpClient()
        key = partial(keys.key_for, urlsplit(route.where).netloc)
        if route.kind == "imagineart":
            from imagineart.backends.imagineart_api import ImagineArtBackend

            return ImagineArtBackend(http, route.where, key)
        from imagineart.backends.openai_compatible import OpenAiBackend
        from imagineart.backends.openai_profiles import PROFILES

        profile = PROFILES[route.kind]
        return OpenAiBackend(http, route.where, profile, route.model, key, route.response_format)

    return [Route(each.name, build(each), each.attempt_seconds, each.retries) for each in routes]


def _build_bedrock(route: RouteSettings, clients: AwsClients, threads: ThreadPoolExecutor) -> ImageBackend:
    from imagineart.backends.bedrock import BedrockBackend

    try:
        return BedrockBackend(
            clients,
            threads,
            route.where,
            route.model,
            upscaler=route.upscaler,
            endpoint_url=route.endpoint,
        )
    except ValueError as error:
        raise _error(f"{route.name}: {error}") from error


def _parse_route(words: Sequence[str], name: str) -> RouteSettings:
    kind, where, *rest = (*words, "", "")[: max(2, len(words))]
    if kind not in _OPTIONS_BY_KIND:
        raise _error(f"got the kind '{kind}'; allowed: {', '.join(_OPTIONS_BY_KIND)}")
    plain = [word for word in rest if "=" not in word]
    options = _parse_options([word for word in rest if "=" in word], kind, name)
    if len(plain) != (kind != "imagineart"):
        model = "no model" if kind == "imagineart" else "one model"
        raise _error(f"{name}: got '{' '.join(plain)}' after '{where}'; allowed: {model}")
    if kind == "bedrock" and not _REGION.fullmatch(where):
        raise _error(f"{name}: got '{where}'; allowed: an AWS region, such as us-west-2")
    attempt, retries = options.get("attempt"), options.get("retries")
    return RouteSettings(
        name=name,
        kind=kind,
        where=where if kind == "bedrock" else _base_url(where, name),
        model="".join(plain),
        attempt_seconds=_whole_number(attempt, 1, _MAX_ATTEMPT_SECONDS, name) if attempt else None,
        retries=_whole_number(retries, 0, _MAX_RETRIES, name) if retries else DEFAULT_RETRIES,
        response_format=options.get("response_format"),
        upscaler=_is_on(options.get("upscaler", "on"), name),
        endpoint=_base_url(options["endpoint"], name) if "endpoint" in options else None,
    )


def _parse_options(words: Sequence[str], kind: str, name: str) -> dict[str, str]:
    options = dict(word.split("=", 1) for word in words)
    if len(options) != len(words) or "" in options.values():
        raise _error(f"{name}: got '{' '.join(words)}'; allowed: each option once, with a value")
    for option in options:
        if option not in _OPTIONS_BY_KIND[kind]:
            raise _error(f"{name}: got the option '{option}'; allowed: {', '.join(_OPTIONS_BY_KIND[kind])}")
    return options


def _whole_number(text: str, lowest: int, highest: int, name: str) -> int:
    if not (text.isascii() and text.isdigit() and lowest <= int(text[:6]) <= highest):
        raise _error(f"{name}: got '{text}'; allowed: whole numbers from {lowest} to {highest}")
    return int(text)


def _is_on(text: str, name: str) -> bool:
    if text not in ("on", "off"):
        raise _error(f"{name}: got upscaler={text}; allowed: on, off")
    return text == "on"


def _base_url(text: str, name: str) -> str:
    if not _is_base_url(text):
        without_user = text.rpartition("@")[2]
        raise _error(
            f"{name}: got '{without_user}'; allowed: an http:// or https:// URL with a host and without a "
            "user, a query or a fragment"
        )
    return text.rstrip("/")


def _is_base_url(text: str) -> bool:
    if not (text.isascii() and text.isprintable()) or any(each in text for each in " @?#"):
        return False
    try:
        parts = urlsplit(text)
        # Otherwise, text that cannot be a name is found only when it is looked up.
        host = (parts.hostname or "").encode("idna")
        return parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:
        return False


def _error(problem: str) -> SettingsError:
    return SettingsError(f"IMAGINEART_BACKENDS: {problem}.")

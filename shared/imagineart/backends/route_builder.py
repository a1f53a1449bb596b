"""The adapters of a model's backends, which connect when they are first used."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from imagineart.aws import AwsClients
from imagineart.backends.keys import BackendKeys
from imagineart.backends.model import ImageBackend, Route
from imagineart.models.routes import (
    AnyRoute,
    BackendRoute,
    BedrockRoute,
    DeploymentRoute,
    OtherServerRoute,
    VllmOmniRoute,
)

if TYPE_CHECKING:
    from imagineart.backends.http import HttpClient

_BEDROCK_THREADS: Final = 8
"""Twice the images that one request makes at the same time, so that as many abandoned calls can run out."""


class RouteBuilder:
    """Builds the backends of all models, which share an HTTP client, and threads for Bedrock.

    So connections outlive a change of the models.
    """

    def __init__(self, clients: AwsClients, keys: BackendKeys, http: "HttpClient | None" = None) -> None:
        """`http` is given where the caller has to close it."""
        self._clients = clients
        self._keys = keys
        self._http = http
        self._threads = ThreadPoolExecutor(_BEDROCK_THREADS, "bedrock")

    @property
    def http(self) -> "HttpClient":
        """The client of all backends that speak HTTP."""
        if self._http is None:
            from imagineart.backends.http import HttpClient

            self._http = HttpClient()
        return self._http

    def build(self, routes: Sequence[AnyRoute]) -> list[Route]:
        """The routes with their adapters."""
        return named_routes(routes, self._adapter)

    def _adapter(self, route: AnyRoute) -> ImageBackend:
        # What no model uses is not imported.
        if isinstance(route, BedrockRoute):
            from imagineart.backends.bedrock import BedrockBackend

            return BedrockBackend(
                self._clients,
                self._threads,
                route.region,
                route.model,
                upscaler=route.upscaler,
                endpoint_url=route.endpoint,
            )
        http = self.http
        key = partial(self._keys.key_for, urlsplit(route.url).netloc)
        if isinstance(route, DeploymentRoute):
            from imagineart.backends.imagineart_api import ImagineArtBackend

            return ImagineArtBackend(http, route.url, key)
        from imagineart.backends.openai_compatible import OpenAiBackend
        from imagineart.backends.openai_profiles import PROFILES

        response_format = route.response_format if isinstance(route, OtherServerRoute) else None
        lora = route.lora if isinstance(route, VllmOmniRoute) else None
        return OpenAiBackend(http, route.url, PROFILES[route.kind], route.model, key, response_format, lora)


def named_routes[RouteT: BackendRoute, BackendT](
    routes: Sequence[RouteT], adapter: Callable[[RouteT], BackendT]
) -> list[Route[BackendT]]:
    """The routes with their adapters, named as callers see them.

    A second backend of a kind is named after it with a number, as in ``vllm-omni-2``.
    """
    kinds = [each.kind for each in routes]
    numbers = [kinds[: position + 1].count(kind) for position, kind in enumerate(kinds)]
    return [
        Route(
            route.kind if number == 1 else f"{route.kind}-{number}",
            adapter(route),
            route.attempt_seconds,
            route.retries,
        )
        for route, number in zip(routes, numbers, strict=True)
    ]

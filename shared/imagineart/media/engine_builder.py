"""The engines of a model's backends, which connect when they are first used."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from imagineart.aws import AwsClients
from imagineart.backends.keys import BackendKeys
from imagineart.backends.model import Route
from imagineart.backends.route_builder import named_routes
from imagineart.media.engine import AnyEngine
from imagineart.models.model import MediaModel
from imagineart.models.routes import (
    AudioRoute,
    ConverseRoute,
    MediaRoute,
    OpenAiRoute,
    PollyRoute,
    VideoRoute,
)

if TYPE_CHECKING:
    from imagineart.backends.http import HttpClient

_AWS_THREADS: Final = 4


class EngineBuilder:
    """Builds the engines of all models of media; `http` gives the client that all backends share."""

    def __init__(self, clients: AwsClients, keys: BackendKeys, http: "Callable[[], HttpClient]") -> None:
        self._clients = clients
        self._keys = keys
        self._http = http
        self._threads = ThreadPoolExecutor(_AWS_THREADS, "media")

    def build(self, model: MediaModel) -> list[Route[AnyEngine]]:
        """The routes of a model with their engines."""
        return named_routes(model.backends, partial(self._engine, model.kind))

    def _engine(self, kind: str, route: MediaRoute) -> AnyEngine:
        # What no model uses is not imported.
        if isinstance(route, (ConverseRoute, PollyRoute)):
            from imagineart.media import aws_engines

            if isinstance(route, PollyRoute):
                return aws_engines.PollyEngine(self._clients, self._threads, route)
            return aws_engines.ConverseEngine(self._clients, self._threads, route)
        from imagineart.media.openai_server import AudioEngine, ChatEngine, OpenAiServer, SpeechEngine
        from imagineart.media.openai_videos import VideosEngine

        key = partial(self._keys.key_for, urlsplit(route.url).netloc)
        server = OpenAiServer(self._http(), route.url, route.model, key)
        match route:
            case VideoRoute():
                return VideosEngine(server, route.fps if route.kind == "vllm-omni" else None)
            case AudioRoute():
                return AudioEngine(server)
            case OpenAiRoute() if kind == "voice":
                return SpeechEngine(server)
            case OpenAiRoute():
                # OpenAI's own models refuse the older name, which the others know.
                return ChatEngine(server, "max_completion_tokens" if route.kind == "openai" else "max_tokens")

"""A deployment's gateway over HTTP on loopback, as `make run` serves it, in a thread of this process."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn

from local.gateway import Gateway
from local.gateway_server import GatewayApp
from local.websocket_api import WEBSOCKET_OPTIONS

START_SECONDS = 60.0


class _Server(uvicorn.Server):
    """Sets `serves` when it does."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serves = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serves.set()


@contextlib.contextmanager
def served(gateway: Gateway) -> Iterator[str]:
    """The base URL of `gateway` while it is served."""
    config = uvicorn.Config(GatewayApp(gateway), log_level="critical", lifespan="off", **WEBSOCKET_OPTIONS)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert server.serves.wait(START_SECONDS)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()

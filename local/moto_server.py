"""AWS on loopback, in this process: moto, made as atomic as DynamoDB, and forgetful of what is gone."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock, Thread
from typing import Any

import httpx
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""A WSGI application."""


class OneAtATime:
    """Moto's application, one call after another: DynamoDB's updates are atomic, and moto's own are not."""

    def __init__(self) -> None:
        self._application = DomainDispatcherApplication(create_backend_app)
        self._turn = Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        with self._turn:
            try:
                return list(self._application(environ, start_response))
            finally:
                # Moto keeps every object that it ever made, so that it could clear them all at once.
                reset_model_data()


@contextmanager
def serving_moto(
    wrap: Callable[[Application], Application] = lambda application: application,
) -> Iterator[str]:
    """Its endpoint while it runs, empty; `wrap` may put something in front of it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server(
        "127.0.0.1", 0, wrap(OneAtATime()), threaded=True, request_handler=MotoRequestHandler
    )
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        # Whatever an earlier server of this process held, moto still holds.
        httpx.post(f"{url}/moto-api/reset", trust_env=False).raise_for_status()
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

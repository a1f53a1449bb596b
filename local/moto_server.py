"""AWS on loopback, in this process: moto, with the atomic updates of DynamoDB and a bounded memory."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Any

import httpx
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)

from local.mailbox import print_mail, with_mailbox
from local.wsgi_server import Application, serving


@contextmanager
def serving_moto(
    wrap: Callable[[Application], Application] = lambda application: application,
) -> Iterator[str]:
    """Where an empty AWS is served; `wrap` may put something in front of it."""
    moto, turn = DomainDispatcherApplication(create_backend_app), Lock()

    def respond(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # One call after another: an update of DynamoDB is atomic, and moto's is not.
        with turn:
            try:
                return list(moto(environ, start_response))
            finally:
                # Moto keeps every object that it makes, to be able to clear them all at once.
                reset_model_data()

    with serving(wrap(respond), MotoRequestHandler) as url:
        # Moto still holds what an earlier server of this process held.
        httpx.post(f"{url}/moto-api/reset", trust_env=False).raise_for_status()
        yield url


if __name__ == "__main__":
    with serving_moto(partial(with_mailbox, keep=print_mail)) as address:
        print(f"aws listening on {address}", flush=True)
        # It ends with the parent process.
        sys.stdin.read()

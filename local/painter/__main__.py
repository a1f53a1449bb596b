"""Serves the painter on loopback until its parent closes stdin or a signal asks it to stop."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
from types import FrameType

import uvicorn

from local.painter.server import build_app

_GRACE_SECONDS = 2


def main() -> None:
    """Prints one line with the address once connections are accepted, then serves."""
    options = argparse.ArgumentParser(prog="painter", description=__doc__)
    options.add_argument("--port", type=int, required=True, help="0 takes any free port")
    options.add_argument("--token", help="the bearer token to demand")
    chosen = options.parse_args()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, _leave)
    listener = socket.create_server(("127.0.0.1", chosen.port), backlog=128)
    config = uvicorn.Config(
        build_app(chosen.token), log_config=None, lifespan="off", timeout_graceful_shutdown=_GRACE_SECONDS
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_stop_with_parent, args=(server,), daemon=True).start()
    print(f"painter listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    server.run(sockets=[listener])


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # Uvicorn raises the signal again once it has shut down; leaving quietly is the answer then, too.
    sys.exit(0)


def _stop_with_parent(server: uvicorn.Server) -> None:
    # Past the buffered reader, whose lock the interpreter would wait for when a signal ends the process.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.should_exit = True


if __name__ == "__main__":
    main()

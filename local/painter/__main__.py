"""Serves the painter on loopback until standard input ends, which it does with the parent process."""

import argparse
import socket
import sys
import threading
from contextlib import suppress

import uvicorn

from local.painter.server import app


def main() -> None:
    """Print the address, then serve."""
    parser = argparse.ArgumentParser(prog="painter", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    listener = socket.create_server(("127.0.0.1", parser.parse_args().port), backlog=128)
    run = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off")).run
    threading.Thread(target=run, args=([listener],), daemon=True).start()
    with suppress(BrokenPipeError):  # The parent process may have ended already.
        print(f"painter listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()

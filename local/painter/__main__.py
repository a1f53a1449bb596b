"""Serves the painter on loopback until standard input ends, which it does with the parent process."""

import socket
import sys
import threading

import uvicorn

from local.painter.server import app

if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    run = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off")).run
    threading.Thread(target=run, args=([listener],), daemon=True).start()
    print(f"painter listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    sys.stdin.read()

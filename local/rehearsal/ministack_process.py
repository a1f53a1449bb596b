"""Ministack, adjusted in three places to what AWS does; run by the Python of `.venv-rehearsal`.

Ministack 1.5.33 differs from AWS in ways that would hide or forge faults of this project. What its own AWS
calls can mend is mended after the deployment, in `mended_api.py`. The rest is here, and it is all:

1. Transport. AWS's endpoints speak TLS; the emulator speaks plain HTTP, which the buckets' own policies refuse.
   A request that says nothing of its transport counts as HTTPS, as behind a TLS endpoint. One that says
   ``X-Forwarded-Proto: http`` is believed.
2. ``Accept``. An answer in base64 is decoded only for a request that has one. API Gateway with the binary media
   type ``*/*`` decodes it for every request.
3. The functions' Python. Ministack runs functions on its own interpreter, with its own packages in reach. They
   get an empty environment of the same Python instead, so that what a layer lacks is missing.

It ends, and the functions with it, when its standard input does, as when whoever started it is killed.
"""

import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

Headers = list[tuple[bytes, bytes]]
Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def as_behind_tls(headers: Headers) -> Headers:
    """The headers, and with them what AWS's endpoints know of a request that does not say it itself."""
    named = {name.lower() for name, _ in headers}
    known = ((b"x-forwarded-proto", b"https"), (b"accept", b"*/*"))
    return [*headers, *(header for header in known if header[0] not in named)]


def adjusted(application: Application) -> Application:
    """Ministack's application behind an endpoint like AWS's."""

    async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": as_behind_tls(list(scope["headers"]))}
        await application(scope, receive, send)

    return answer


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(functions_python: str) -> None:
    """Serve as the environment says until a signal or the parent's end; leads a process group of its own."""
    from ministack import app
    from ministack.core import lambda_runtime

    detect = lambda_runtime._detect_runtime_binary

    def detect_without_packages(runtime: str) -> tuple[str, str]:
        binary, script = detect(runtime)
        return (functions_python if runtime.startswith("python") else binary), script

    lambda_runtime._detect_runtime_binary = detect_without_packages
    app.app = adjusted(app.app)
    sys.argv = sys.argv[:1]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    app.main()


if __name__ == "__main__":
    main(sys.argv[1])

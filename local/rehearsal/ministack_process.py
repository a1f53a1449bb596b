"""Ministack, adjusted in four places to what AWS does; run by the Python of `.venv-rehearsal`.

Ministack 1.5.33 differs from AWS in ways that would hide or forge faults of this project. What its own AWS
calls can mend is mended after the deployment, in `mended_api.py`. The rest is here, and it is all:

1. Transport. AWS's endpoints speak TLS; the emulator speaks plain HTTP, which the buckets' policies refuse.
   A request that says nothing of its transport counts as HTTPS, as behind a TLS endpoint. One that says
   ``X-Forwarded-Proto: http`` is believed.
2. ``Accept``. An answer in base64 is decoded only for a request that has one. API Gateway with the binary
   media type ``*/*`` decodes it for every request.
3. ``Ref`` of a secret. It gives the name; CloudFormation gives the ARN, which the roles' policies need.
4. The functions' Python. Ministack runs functions on its own interpreter, with its own packages in reach.
   They get an empty environment of the same Python, so that what a layer lacks is missing.

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


def refer_to_secrets_by_arn(handlers: dict[str, dict[str, Any]]) -> None:
    """Let the handlers of CloudFormation's resources name a secret by its ARN."""
    secret = handlers["AWS::SecretsManager::Secret"]
    create, delete = secret["create"], secret["delete"]

    def create_named_by_arn(*arguments: Any) -> tuple[str, dict[str, str]]:
        _, attributes = create(*arguments)
        return attributes["Arn"], attributes

    def delete_by_arn(arn: str, properties: Any) -> None:
        delete(arn.rpartition(":")[2].rpartition("-")[0], properties)

    secret |= {"create": create_named_by_arn, "delete": delete_by_arn}


def run_python_with(functions_python: str, runtime: Any) -> None:
    """Let the module that runs functions start those of Python with the given interpreter."""
    detect = runtime._detect_runtime_binary

    def detect_without_packages(name: str) -> tuple[str, str]:
        binary, script = detect(name)
        return (functions_python if name.startswith("python") else binary), script

    runtime._detect_runtime_binary = detect_without_packages


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(functions_python: str) -> None:
    """Serve as the environment says until a signal or the parent's end; leads a process group of its own."""
    from ministack import app
    from ministack.core import lambda_runtime
    from ministack.services.cloudformation import provisioners

    refer_to_secrets_by_arn(provisioners._RESOURCE_HANDLERS)
    run_python_with(functions_python, lambda_runtime)
    app.app = adjusted(app.app)
    sys.argv = sys.argv[:1]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    app.main()


if __name__ == "__main__":
    main(sys.argv[1])

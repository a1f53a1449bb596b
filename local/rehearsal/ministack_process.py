"""Ministack, adjusted in six places to what AWS does; run by the Python of `.venv-rehearsal`.

Ministack 1.5.33 differs from AWS in ways that would hide or invent faults of this project. What AWS's own
calls can correct is corrected after the deployment, in `api_corrections.py`. The rest is here:

1. Transport. AWS's endpoints use TLS; the emulator uses plain HTTP, which the buckets' policies refuse. A
   request counts as HTTPS, as behind a TLS endpoint, unless it has ``X-Forwarded-Proto: http``.
2. ``Accept``. A base64 body is decoded only for a request that has this header. API Gateway with the binary
   media type ``*/*`` decodes it for every request.
3. ``Ref`` of a secret. It is the name; CloudFormation's is the ARN, which the roles' policies need.
4. The functions' Python. Ministack runs functions on its own interpreter, with its own packages. They get
   an empty environment of the same Python, so that a package that a layer lacks is missing.
5. The address of a WebSocket API. It has a host name that only some resolvers find; here it is a path.
6. The concurrency of a queue's event source. Where it is a template's parameter, Ministack compares its text
   with numbers, and reads no queue at all.

It ends, and the functions with it, when its standard input does, as when the process that started it is
killed.
"""

import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

Headers = list[tuple[bytes, bytes]]
Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def behind_tls(application: Application) -> Application:
    """Ministack's application behind an endpoint like AWS's."""

    async def respond(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers: Headers = list(scope["headers"])
            sent = {name.lower() for name, _ in headers}
            added = [(b"x-forwarded-proto", b"https"), (b"accept", b"*/*")]
            scope = {**scope, "headers": headers + [each for each in added if each[0] not in sent]}
        await application(scope, receive, send)

    return respond


def refer_to_secrets_by_arn(handlers: dict[str, dict[str, Any]]) -> None:
    """Let CloudFormation's handlers of resources identify a secret by its ARN."""
    secret = handlers["AWS::SecretsManager::Secret"]
    create, delete = secret["create"], secret["delete"]

    def create_with_arn(*arguments: Any) -> tuple[str, dict[str, str]]:
        _, attributes = create(*arguments)
        return attributes["Arn"], attributes

    def delete_by_arn(arn: str, properties: Any) -> None:
        delete(arn.rpartition(":")[2].rpartition("-")[0], properties)

    secret |= {"create": create_with_arn, "delete": delete_by_arn}


def read_concurrency_as_number(handlers: dict[str, dict[str, Any]]) -> None:
    """Let CloudFormation's handlers of resources give an event source its concurrency as a number."""
    mapping = handlers["AWS::Lambda::EventSourceMapping"]
    create = mapping["create"]

    def create_with_number(logical_id: str, properties: dict[str, Any], *rest: Any) -> Any:
        scaling = {name: int(value) for name, value in properties.get("ScalingConfig", {}).items()}
        return create(logical_id, properties | ({"ScalingConfig": scaling} if scaling else {}), *rest)

    mapping["create"] = create_with_number


def address_websockets_by_path(handlers: dict[str, dict[str, Any]], url: str) -> None:
    """Let the address of an API that CloudFormation creates be a path below the emulator's own."""
    api = handlers["AWS::ApiGatewayV2::Api"]
    create = api["create"]

    def create_with_path(*arguments: Any) -> tuple[str, dict[str, str]]:
        api_id, attributes = create(*arguments)
        return api_id, attributes | {"ApiEndpoint": f"{url}/_aws/execute-api/{api_id}"}

    api["create"] = create_with_path


def run_python_with(functions_python: str, runtime: Any) -> None:
    """Let the module that runs functions start those of Python with another interpreter."""
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
    """Serve until a signal or the parent's end, as the leader of a process group."""
    from ministack import app
    from ministack.core import lambda_runtime
    from ministack.services.cloudformation import provisioners

    refer_to_secrets_by_arn(provisioners._RESOURCE_HANDLERS)
    read_concurrency_as_number(provisioners._RESOURCE_HANDLERS)
    address_websockets_by_path(
        provisioners._RESOURCE_HANDLERS, f"ws://127.0.0.1:{os.environ['GATEWAY_PORT']}"
    )
    run_python_with(functions_python, lambda_runtime)
    app.app = behind_tls(app.app)
    sys.argv = sys.argv[:1]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    app.main()


if __name__ == "__main__":
    main(sys.argv[1])

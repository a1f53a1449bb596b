"""The adjustments of the emulator, on stand-ins for its modules."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from local.rehearsal.ministack_process import adjusted, refer_to_secrets_by_arn, run_python_with

ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:stack-Pepper-4F-a57d9b"


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ([], {b"x-forwarded-proto": b"https", b"accept": b"*/*"}),
        ([(b"X-Forwarded-Proto", b"http")], {b"X-Forwarded-Proto": b"http", b"accept": b"*/*"}),
        ([(b"accept", b"image/png")], {b"x-forwarded-proto": b"https", b"accept": b"image/png"}),
    ],
    ids=["nothing", "plain", "accept"],
)
def test_a_request_is_as_behind_tls_unless_it_says_otherwise(
    sent: list[tuple[bytes, bytes]], received: dict[bytes, bytes]
) -> None:
    seen: list[dict[str, Any]] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope)

    asyncio.run(adjusted(application)({"type": "http", "headers": sent}, None, None))
    asyncio.run(adjusted(application)({"type": "lifespan"}, None, None))
    assert dict(seen[0]["headers"]) == received
    assert seen[1] == {"type": "lifespan"}


def test_a_secret_is_referred_to_by_its_arn_and_deleted_by_its_name() -> None:
    secrets = {"stack-Pepper-4F"}
    handlers: dict[str, dict[str, Any]] = {
        "AWS::SecretsManager::Secret": {
            "create": lambda *_: ("stack-Pepper-4F", {"Id": ARN, "Arn": ARN}),
            "delete": lambda name, _: secrets.remove(name),
            "update": "as it was",
        }
    }
    refer_to_secrets_by_arn(handlers)
    secret = handlers["AWS::SecretsManager::Secret"]
    assert secret["create"]("Pepper", {}, "stack")[0] == ARN
    secret["delete"](ARN, {})
    assert secrets == set()
    assert secret["update"] == "as it was"


def test_python_runs_on_the_given_interpreter_and_the_rest_as_before() -> None:
    runtime = SimpleNamespace(_detect_runtime_binary=lambda name: (f"ministack's for {name}", "script"))
    run_python_with("/empty/python", runtime)
    assert runtime._detect_runtime_binary("python3.13") == ("/empty/python", "script")
    assert runtime._detect_runtime_binary("nodejs22.x") == ("ministack's for nodejs22.x", "script")

"""The two functions without a layer run on a bare interpreter, with nothing but their own folder."""

import json
import subprocess
import sys
from typing import Any

import pytest

from local.template import PROJECT

RUN_ALONE = """
import json, sys
before = set(sys.modules)
sys.path.append(sys.argv[1])
import handler
answer = handler.handler(json.loads(sys.argv[2]), None)
print(json.dumps({"answer": answer, "imported": sorted(set(sys.modules) - before - {"handler"})}))
"""


def run_alone(function: str, event: dict[str, Any]) -> dict[str, Any]:
    """What the handler answers in an isolated interpreter without site-packages, and what it imported."""
    folder = PROJECT / "functions" / function
    command = [sys.executable, "-I", "-S", "-B", "-c", RUN_ALONE, str(folder), json.dumps(event)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def event(method: str, path: str) -> dict[str, Any]:
    return {"httpMethod": method, "path": path, "requestContext": {"requestId": "request-1"}}


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
def test_health_answers_alone(path: str) -> None:
    answer = run_alone("health", event("GET", path))["answer"]
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"ok": True})
    assert answer["headers"] == {"Content-Type": "application/json", "X-Request-Id": "request-1"}
    assert answer["isBase64Encoded"] is False


def test_unknown_request_answers_alone() -> None:
    answer = run_alone("unknown_request", event("GET", "/v1/pictures"))["answer"]
    error = json.loads(answer["body"])["error"]
    assert answer["statusCode"] == 404
    assert (error["code"], error["request_id"]) == ("unknown_request", "request-1")
    assert answer["headers"]["X-Request-Id"] == "request-1"
    assert answer["headers"]["X-Should-Retry"] == "false"


@pytest.mark.parametrize("function", ["health", "unknown_request"])
def test_only_the_standard_library_is_imported(function: str) -> None:
    imported = run_alone(function, event("GET", "/health"))["imported"]
    assert [name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names] == []

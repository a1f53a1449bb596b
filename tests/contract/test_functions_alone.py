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
response = handler.handler(json.loads(sys.argv[2]), None)
print(json.dumps({"response": response, "imported": sorted(set(sys.modules) - before - {"handler"})}))
"""


def run_alone(function: str, event: dict[str, Any]) -> dict[str, Any]:
    """The response of the handler in an isolated interpreter without site-packages, and what it imported."""
    folder = PROJECT / "functions" / function
    command = [sys.executable, "-I", "-S", "-B", "-c", RUN_ALONE, str(folder), json.dumps(event)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def event(method: str, path: str) -> dict[str, Any]:
    return {
        "httpMethod": method,
        "path": path,
        "resource": path,
        "requestContext": {"requestId": "request-1"},
    }


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
def test_health_responds_alone(path: str) -> None:
    response = run_alone("health", event("GET", path))["response"]
    assert (response["statusCode"], json.loads(response["body"])) == (200, {"ok": True})
    assert response["headers"] == {"Content-Type": "application/json", "X-Request-Id": "request-1"}
    assert response["isBase64Encoded"] is False


def test_unknown_request_responds_alone() -> None:
    response = run_alone("unknown_request", event("GET", "/v1/videos"))["response"]
    error = json.loads(response["body"])["error"]
    assert response["statusCode"] == 404
    assert (error["code"], error["request_id"]) == ("unknown_request", "request-1")
    assert response["headers"]["X-Request-Id"] == "request-1"
    assert response["headers"]["X-Should-Retry"] == "false"


@pytest.mark.parametrize("function", ["health", "unknown_request"])
def test_only_the_standard_library_is_imported(function: str) -> None:
    imported = run_alone(function, event("GET", "/health"))["imported"]
    assert [name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names] == []

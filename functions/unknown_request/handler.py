"""Every other route: the 404 envelope, which API Gateway itself cannot give dependably.

API Gateway answers an unknown path that carries an Authorization header with a signature error of its own.
"""

import json
from typing import Any

METHODS_BY_PATH = {
    "/v1/images/generations": "POST",
    "/v1/images/edits": "POST",
    "/v1/uploads": "POST",
    "/v1/models": "GET",
    "/v1/health": "GET, HEAD",
    "/health": "GET, HEAD",
}
_SHOWN_CHARACTERS = 120


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer 404 ``unknown_request`` to a REST proxy event, naming what came and what is allowed."""
    request_id = event["requestContext"]["requestId"]
    error = {"code": "unknown_request", "message": _message(event), "request_id": request_id}
    headers = {"Content-Type": "application/json", "X-Request-Id": request_id, "X-Should-Retry": "false"}
    allowed = METHODS_BY_PATH.get(event["path"])
    return {
        "statusCode": 404,
        "headers": headers | ({"Allow": allowed} if allowed else {}),
        "body": json.dumps({"error": error}),
        "isBase64Encoded": False,
    }


def _message(event: dict[str, Any]) -> str:
    method, path = event["httpMethod"], event["path"]
    if path in METHODS_BY_PATH:
        return f"{path} does not answer {method}; allowed is {METHODS_BY_PATH[path]}."
    shown = path if len(path) <= _SHOWN_CHARACTERS else path[:_SHOWN_CHARACTERS] + "…"
    return f"No endpoint has the path '{shown}'; known are {', '.join(METHODS_BY_PATH)}."

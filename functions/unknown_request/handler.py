"""Every other route: a 404 in the API's error format.

API Gateway itself responds to an unknown path with an Authorization header with a signature error of its own.
"""

import json
from typing import Any

METHODS_BY_RESOURCE = {
    "/v1/images/generations": "POST",
    "/v1/images/edits": "POST",
    "/v1/uploads": "POST",
    "/v1/jobs": "GET",
    "/v1/jobs/{job_id}": "GET, DELETE",
    "/v1/jobs/{job_id}/cancel": "POST",
    "/v1/jobs/{job_id}/images/{number}": "GET",
    "/v1/models": "GET",
    "/v1/models/{model_id}": "GET",
    "/runware/v1": "POST",
    "/results/{file}": "GET, HEAD",
    "/v1/health": "GET, HEAD",
    "/health": "GET, HEAD",
}
_SHOWN_CHARACTERS = 120


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Respond 404 ``unknown_request`` to a REST proxy event, with what came and what is allowed."""
    request_id = event["requestContext"]["requestId"]
    error = {"code": "unknown_request", "message": _message(event), "request_id": request_id}
    headers = {"Content-Type": "application/json", "X-Request-Id": request_id, "X-Should-Retry": "false"}
    allowed = METHODS_BY_RESOURCE.get(event["resource"])
    return {
        "statusCode": 404,
        "headers": headers | ({"Allow": allowed} if allowed else {}),
        "body": json.dumps({"error": error}),
        "isBase64Encoded": False,
    }


def _message(event: dict[str, Any]) -> str:
    method, path, resource = event["httpMethod"], event["path"], event["resource"]
    if resource in METHODS_BY_RESOURCE:
        return f"{resource} does not support {method}; allowed: {METHODS_BY_RESOURCE[resource]}."
    shown = path if len(path) <= _SHOWN_CHARACTERS else path[:_SHOWN_CHARACTERS] + "…"
    return f"No endpoint has the path '{shown}'; allowed: {', '.join(METHODS_BY_RESOURCE)}."

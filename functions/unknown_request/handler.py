"""Every other route: a 404 in the error format of the API that the path belongs to.

API Gateway itself responds to an unknown path with an Authorization header with a signature error of its own.
"""

import json
from typing import Any

METHODS_BY_RESOURCE = {
    "/v1/images/generations": "POST",
    "/v1/images/edits": "POST",
    "/v1/images/variations": "POST",
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
    "/imagineo/v1/generate": "POST",
    "/imagineo/v1/generations/{run_id}": "GET",
    "/imagineo/v1/models": "GET",
}
_SHOWN_CHARACTERS = 120


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Respond 404 to a REST proxy event, with what came and what is allowed."""
    request_id, is_imagineo = event["requestContext"]["requestId"], _is_imagineo(event["path"])
    known = {path: each for path, each in METHODS_BY_RESOURCE.items() if _is_imagineo(path) == is_imagineo}
    message = _message(event, known)
    error = {"code": "unknown_request", "message": message, "request_id": request_id}
    if is_imagineo:
        error = {"code": "not_found", "message": message}
    headers = {"Content-Type": "application/json", "X-Request-Id": request_id, "X-Should-Retry": "false"}
    allowed = known.get(event["resource"])
    return {
        "statusCode": 404,
        "headers": headers | ({"Allow": allowed} if allowed else {}),
        "body": json.dumps({"error": error}),
        "isBase64Encoded": False,
    }


def _message(event: dict[str, Any], known: dict[str, str]) -> str:
    method, path, resource = event["httpMethod"], event["path"], event["resource"]
    if resource in known:
        return f"{resource} does not support {method}; allowed: {known[resource]}."
    shown = path if len(path) <= _SHOWN_CHARACTERS else path[:_SHOWN_CHARACTERS] + "…"
    return f"No endpoint has the path '{shown}'; allowed: {', '.join(known)}."


def _is_imagineo(path: str) -> bool:
    return path.startswith("/imagineo/")

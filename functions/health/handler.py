"""GET /health and /v1/health: the liveness probe, which needs no token and depends on nothing."""

from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Respond ``{"ok": true}`` to any REST proxy event."""
    headers = {"Content-Type": "application/json", "X-Request-Id": event["requestContext"]["requestId"]}
    return {"statusCode": 200, "headers": headers, "body": '{"ok": true}', "isBase64Encoded": False}

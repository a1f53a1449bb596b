"""The messages of the WebSocket API."""

import os
from typing import Any

from imagineart.bootstrap_socket import LambdaContext, WebSocketServices

services = WebSocketServices(os.environ)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a message; what responds to it is sent through the management API."""
    services.handle(event, context)
    return {"statusCode": 200}

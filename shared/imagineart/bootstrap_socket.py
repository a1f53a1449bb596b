"""The composition root of the function that gets the messages of the WebSocket API."""

import asyncio
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

from imagineart.apis.runware.socket import Message, handle_message
from imagineart.bootstrap import LambdaServices


class LambdaContext(Protocol):
    """What is read of the context of an invocation."""

    def get_remaining_time_in_millis(self) -> int: ...


class WebSocketServices(LambdaServices):
    """The parts of one environment (`imagineart.apis.runware.socket.SocketServices`)."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """`variables` are the environment variables. Raises SettingsError."""
        super().__init__(variables)
        self.base_url = self._settings.base_url

    @cached_property
    def runner(self) -> asyncio.Runner:
        """Keeps the one event loop."""
        return asyncio.Runner()

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> None:
        """Handle the message of an event of API Gateway. Raises AwsCallError where nothing can be sent."""
        about = event["requestContext"]
        message = Message(
            about["connectionId"],
            event.get("body") or "",
            about["requestId"],
            lambda: context.get_remaining_time_in_millis() / 1000,
        )
        self.runner.run(handle_message(message, self))

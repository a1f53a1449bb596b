"""The ways out under the streaming layer's runtime: an answer as a stream, or with work to do afterwards.

Imported only under the streaming layer, which brings `lambda_response_streaming`.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message

from imagineart.web.gateway_events import ApiGatewayEvent
from imagineart.web.picture_stream import PIECES_EXTENSION
from lambda_response_streaming import FollowedResponse, StreamedResponse


class StreamingEntry:
    """A Lambda handler over an ASGI application; every answer of it is streamed, errors too."""

    def __init__(self, app: ASGIApp, afterwards: Callable[[], None]) -> None:
        """`afterwards` is called each time an answer was given."""
        self._app = app
        self._afterwards = afterwards
        self._loop = asyncio.new_event_loop()
        # As Mangum does: whoever ends this thread finds the loop and can close it.
        asyncio.set_event_loop(self._loop)

    def __call__(self, event: dict[str, Any], context: Any) -> StreamedResponse:
        """The application's answer to a REST proxy event."""
        reading = ApiGatewayEvent.read(event, context)
        scope = {**reading.scope, "extensions": {PIECES_EXTENSION: {}}}
        requests: list[Message] = [{"type": "http.request", "body": reading.body, "more_body": False}]
        sent: list[Message] = []

        async def receive() -> Message:
            if requests:
                return requests.pop()
            # No function is told that its client left: whoever waits for that waits until it is cancelled.
            never: asyncio.Future[Message] = self._loop.create_future()
            return await never

        async def send(message: Message) -> None:
            sent.append(message)

        self._loop.run_until_complete(self._app(scope, receive, send))
        start, *rest = sent
        headers: dict[str, list[str]] = {}
        for name, value in start["headers"]:
            headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        pieces = next((message["pieces"] for message in rest if message["type"] == PIECES_EXTENSION), None)
        body = [message.get("body", b"") for message in rest] if pieces is None else pieces
        return StreamedResponse(start["status"], headers, body, self._afterwards)


def followed_by(
    handler: Callable[[dict[str, Any], Any], Any], afterwards: Callable[[], None]
) -> Callable[[dict[str, Any], Any], FollowedResponse]:
    """The same handler, whose every answer is followed by `afterwards`."""

    def answer(event: dict[str, Any], context: Any) -> FollowedResponse:
        return FollowedResponse(handler(event, context), afterwards)

    return answer

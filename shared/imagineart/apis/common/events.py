"""Server-sent events: a response that may begin before the work for it has ended.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final, TypeAlias

from starlette.responses import Response, StreamingResponse

from imagineart.apis.common.call import Call
from imagineart.apis.common.finish_call import record_error, report, settle
from imagineart.errors import ImagineArtError, InternalError
from imagineart.usage.model import CANCELLED

MEDIA_TYPE: Final = "text/event-stream"
HEADERS: Final = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-cache"}

HEARTBEAT_SECONDS: Final = 10.0
"""So long nothing is sent before a comment is: proxies cut a connection that is silent."""

HEARTBEAT: Final = b": heartbeat\n\n"

Events: TypeAlias = "asyncio.Queue[bytes | None]"
Work: TypeAlias = Callable[[Callable[[bytes], None]], Awaitable[Response]]
"""Gets what sends an event; the body of the response that it returns is the last events."""


def encode_event(name: str, data: bytes) -> bytes:
    """An event whose data has no line break."""
    return b"".join([b"event: ", name.encode(), b"\ndata: ", data, b"\n\n"])


async def respond_with_events(call: Call, work: Work) -> Response:
    """The response of `work`, which begins with its first event, or with the first heartbeat.

    Work that ends before that responds as any does, with a status of its own where it fails. Later, a failure
    is the event ``error``, with the data that the API gives its errors. The request is settled before its
    last events are sent. Raises what `work` raises before the response began.
    """
    events: Events = asyncio.Queue()
    task = asyncio.ensure_future(work(events.put_nowait))
    task.add_done_callback(lambda _: events.put_nowait(None))
    try:
        first = await _next(events)
    except BaseException:
        task.cancel()
        raise
    if first is None:
        return task.result()
    call.is_streaming = True
    return StreamingResponse(_stream(call, task, events, first), headers=HEADERS)


async def _stream(
    call: Call, task: "asyncio.Future[Response]", events: Events, first: bytes
) -> AsyncGenerator[bytes]:
    piece: bytes | None = first
    try:
        while piece is not None:
            yield piece
            piece = await _next(events)
        last, status = _outcome(call, task)
    except BaseException:
        # The client has left. What was being made is counted, and nobody gets it.
        task.cancel()
        call.record.outcome = CANCELLED
        call.record.images = call.admission.images if call.admission else 0
        _finish(call, 200)
        raise
    _finish(call, status)
    yield last


async def _next(events: Events) -> bytes | None:
    """The next event, a heartbeat where there is none for a while, or None at the end of the work."""
    try:
        async with asyncio.timeout(HEARTBEAT_SECONDS):
            return await events.get()
    except TimeoutError:
        return HEARTBEAT


def _outcome(call: Call, task: "asyncio.Future[Response]") -> tuple[bytes, int]:
    """The last of the response, and the status for the log that it would have had."""
    try:
        return bytes(task.result().body), 200
    except ImagineArtError as raised:
        error = raised
    except Exception as unexpected:
        call.services.logger.exception("unexpected failure", request_id=call.request_id)
        error = InternalError(detail=type(unexpected).__name__)
    record_error(call, error)
    error_format: Callable[..., Any] = call.request.app.state.error_format
    response = error_format(error, call.request_id)
    return encode_event("error", response.body), response.status_code


def _finish(call: Call, status: int) -> None:
    settle(call)
    report(call, status)

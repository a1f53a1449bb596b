"""A response of events begins with the first of them, and beats while there is none."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response, StreamingResponse

from imagineart.apis.common.call import RequestRecord
from imagineart.apis.common.events import HEARTBEAT, encode_event, respond_with_events
from imagineart.errors import ImagineArtError, ModelError
from tests.fakes.virtual_time import run_in_virtual_time

Send = Callable[[bytes], None]
LAST = Response(encode_event("completed", b"{}"))


class FakeCall(SimpleNamespace):
    """A call of which only what becomes of it counts."""

    def __init__(self) -> None:
        self.settled: list[tuple[str, int]] = []
        settlement = SimpleNamespace(
            settle=lambda _caller, _admission, finished: self.settled.append(
                (finished.outcome, finished.images)
            )
        )
        nothing = SimpleNamespace(info=lambda *_, **__: None, request_finished=lambda **_: None)

        def error_format(error: ImagineArtError, request_id: str) -> Response:
            return JSONResponse({"error": {"code": error.code, "request_id": request_id}}, 502)

        super().__init__(
            is_streaming=False,
            request_id="r-1",
            caller=SimpleNamespace(consumer_id="acme"),
            admission=SimpleNamespace(images=2),
            record=RequestRecord({}, {}),
            operation=SimpleNamespace(name="text-to-image"),
            request=SimpleNamespace(app=SimpleNamespace(state=SimpleNamespace(error_format=error_format))),
            services=SimpleNamespace(
                settlement=settlement, logger=nothing, metrics=nothing, clock=lambda: 0.0
            ),
        )


async def waits(seconds: float, _: Send) -> Response:
    await asyncio.sleep(seconds)
    return LAST


def stream(call: Any, work: Callable[[Send], Awaitable[Response]]) -> list[bytes]:
    """The pieces of the body."""

    async def read() -> list[bytes]:
        response = await respond_with_events(call, work)
        assert isinstance(response, StreamingResponse)
        return [bytes(piece) async for piece in response.body_iterator]

    return run_in_virtual_time(read())


def test_there_is_a_heartbeat_for_every_ten_silent_seconds() -> None:
    assert stream(FakeCall(), lambda send: waits(35, send)) == [HEARTBEAT] * 3 + [LAST.body]


def test_work_that_ends_at_once_is_a_response_like_any_other() -> None:
    call = FakeCall()
    assert run_in_virtual_time(respond_with_events(call, lambda send: waits(9, send))) is LAST
    assert (call.is_streaming, call.settled) == (False, [])


def test_events_are_sent_as_they_come_and_the_last_ones_after_the_request_is_settled() -> None:
    call = FakeCall()

    async def work(send: Send) -> Response:
        send(b"one")
        await asyncio.sleep(9)
        send(b"two")
        return LAST

    assert stream(call, work) == [b"one", b"two", LAST.body]
    assert call.settled == [("ok", 0)]


def test_a_failure_after_the_first_byte_is_an_event_with_the_data_of_the_apis_errors() -> None:
    call = FakeCall()

    async def work(send: Send) -> Response:
        send(b"one")
        await asyncio.sleep(0)
        raise ModelError

    _, last = stream(call, work)
    name, _, data = last.decode().partition("\n")
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: ")) == {"error": {"code": "model_error", "request_id": "r-1"}}
    assert call.settled == [("model_error", 0)]


def test_a_failure_before_the_first_byte_is_raised() -> None:
    async def work(_: Send) -> Response:
        raise ModelError

    with pytest.raises(ModelError):
        stream(FakeCall(), work)


def test_where_the_server_hears_that_the_client_left_the_work_ends_and_its_images_are_counted() -> None:
    call, ended = FakeCall(), []

    async def work(send: Send) -> Response:
        try:
            return await waits(1_000, send)
        except asyncio.CancelledError:
            ended.append(True)
            raise

    async def leave() -> None:
        response = await respond_with_events(call, work)
        body: Any = response.body_iterator  # type: ignore[attr-defined]
        await anext(body)
        await body.aclose()
        await asyncio.sleep(0)

    run_in_virtual_time(leave())
    assert (call.settled, ended) == ([("cancelled", 2)], [True])

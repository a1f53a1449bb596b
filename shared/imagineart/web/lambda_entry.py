"""The way in and out of a function: an API Gateway event becomes one request, one answer and one log line."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger
from mangum import Mangum
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from imagineart.domain.accounting import AnsweredRequest
from imagineart.domain.errors import ImagineArtError, InternalError, LimitReachedError, UnknownRequestError
from imagineart.domain.operations import Operation
from imagineart.domain.ports import Clock
from imagineart.use_cases.admit_request import Admission
from imagineart.use_cases.answer_once import AnswerOnce
from imagineart.use_cases.authenticate_caller import Caller
from imagineart.use_cases.settle_request import SettleRequest
from imagineart.web.access import Access, rate_limit_headers, require_model
from imagineart.web.calls import Call, Notes, remaining_seconds
from imagineart.web.errors import error_response
from imagineart.web.gateway_events import ApiGatewayEvent
from imagineart.web.picture_stream import PieceStream

LambdaHandler = Callable[[dict[str, Any], Any], Any]
Endpoint = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a function runs under: with `is_extended`, the runtime of the streaming layer."""

    is_extended: bool
    log_prompts: bool = False


@dataclass(frozen=True, slots=True)
class Gate:
    """What stands before and behind every endpoint; `answer_once` is None where nothing is ever replayed."""

    access: Access
    settle: SettleRequest
    clock: Clock
    logger: Logger
    answer_once: Callable[[], AnswerOnce] | None = None


class _Afterwards:
    """What is to be done when the present request is answered; an environment has one at a time."""

    def __init__(self) -> None:
        self._acts: list[Callable[[], None]] = []

    def add(self, act: Callable[[], None]) -> None:
        self._acts.append(act)

    def __call__(self) -> None:
        acts, self._acts = self._acts, []
        for act in acts:
            act()


def authenticated_handler(
    operation: Operation, endpoint: Endpoint, gate: Gate, runtime: Runtime
) -> LambdaHandler:
    """A Lambda handler that lets authenticated callers within their limits through to `endpoint`.

    Every failure becomes the error envelope; every answer carries X-Request-Id, and a limit's headers once
    the caller is known. Under the extended runtime, operations on images are streamed, and requests are
    settled when they are answered; else before.
    """
    afterwards = _Afterwards()

    async def answer(request: Request) -> Response:
        return await _AnswerRequest(operation, endpoint, gate, runtime, afterwards)(request)

    app = Starlette(
        routes=[Route(operation.path, answer, methods=[operation.method])],
        exception_handlers={HTTPException: _answer_unknown_request},
    )
    if runtime.is_extended and operation.model is not None:
        from imagineart.web.streaming_entry import StreamingEntry

        return StreamingEntry(app, afterwards)
    buffered: LambdaHandler = Mangum(app, lifespan="off", custom_handlers=[ApiGatewayEvent])
    if runtime.is_extended:
        from imagineart.web.streaming_entry import followed_by

        return followed_by(buffered, afterwards)

    def answer_at_last(event: dict[str, Any], context: Any) -> Any:
        answered = buffered(event, context)
        afterwards()
        return answered

    return answer_at_last


@dataclass(frozen=True, slots=True)
class _AnswerRequest:
    """The way of one request: who, within which limits, the endpoint, one log line, the account."""

    operation: Operation
    endpoint: Endpoint
    gate: Gate
    runtime: Runtime
    afterwards: _Afterwards

    async def __call__(self, request: Request) -> Response:
        started = time.monotonic()
        request_id: str = request.scope["aws.event"]["requestContext"]["requestId"]
        notes = Notes(
            {"request_id": request_id, "method": self.operation.method, "path": self.operation.path}
        )
        headers = {"X-Request-Id": request_id}
        caller: Caller | None = None
        try:
            caller = self.gate.access.identify(request.headers)
            notes.log_fields.update(consumer=caller.consumer_id, token_id=caller.token_id)
            admission = notes.admission = self.gate.access.let_in(
                caller, self.operation, remaining_seconds=remaining_seconds(request)
            )
            headers |= rate_limit_headers(admission.status)
            require_model(admission, self.operation)
            response = await self.endpoint(self._call(request, admission, notes))
        except ImagineArtError as error:
            notes.outcome, notes.images = error.code, 0
            notes.log_fields.update(code=error.code, field=getattr(error, "field", None), detail=error.detail)
            response = error_response(error, request_id)
            if isinstance(error, LimitReachedError):
                headers |= rate_limit_headers(error.status)
                notes.log_fields.update(limit=error.status.name)
        except Exception as error:
            self.gate.logger.exception("unexpected failure", request_id=request_id)
            notes.outcome, notes.images = InternalError.code, 0
            notes.log_fields.update(code=InternalError.code, detail=type(error).__name__)
            response = error_response(InternalError(), request_id)
        response.headers.update(headers)

        def end() -> None:
            seconds = time.monotonic() - started
            notes.log_fields.update(outcome=notes.outcome, duration_ms=round(seconds * 1000))
            self.gate.logger.info("request", **notes.log_fields, status=response.status_code)
            if caller is not None:
                answered = self._answered(caller, notes, seconds)
                self.afterwards.add(lambda: self.gate.settle(caller, notes.admission, answered))

        if isinstance(response, PieceStream):
            response.on_end = _then(notes.note_end, end)
        else:
            end()
        return response

    def _call(self, request: Request, admission: Admission, notes: Notes) -> Call:
        return Call(
            request,
            self.operation,
            admission.consumer,
            notes,
            self.gate.access.reserve_images,
            self.gate.clock,
            self.runtime.log_prompts,
            self.gate.answer_once,
        )

    def _answered(self, caller: Caller, notes: Notes, seconds: float) -> AnsweredRequest:
        return AnsweredRequest(
            consumer_id=caller.consumer_id,
            operation=self.operation.name,
            resolution=notes.resolution,
            outcome=notes.outcome,
            images=notes.images,
            seconds=seconds,
            answered_at=self.gate.clock(),
        )


def _then(note_end: Callable[..., None], act: Callable[[], None]) -> Callable[..., None]:
    def on_end(*, image_bytes: int, complete: bool) -> None:
        note_end(image_bytes=image_bytes, complete=complete)
        act()

    return on_end


def _answer_unknown_request(request: Request, _: Exception) -> Response:
    request_id = request.scope["aws.event"]["requestContext"]["requestId"]
    response = error_response(UnknownRequestError("No endpoint answers this path and method."), request_id)
    response.headers["X-Request-Id"] = request_id
    return response

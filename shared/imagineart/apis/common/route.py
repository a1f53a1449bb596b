"""The way of one request: who asks, within which limits, the endpoint, one log line, the account."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TypeAlias

from aws_lambda_powertools import Logger
from starlette.requests import Request
from starlette.responses import Response

from imagineart.usage.model import AnsweredRequest
from imagineart.errors import ImagineArtError, InternalError, LimitReachedError
from imagineart.domain.observations import ObservedRequest, Stage
from imagineart.access.tokens import Operation
from imagineart.domain.ports import Clock, Metrics
from imagineart.idempotency.respond_once import AnswerOnce
from imagineart.use_cases.settle_request import SettleRequest
from imagineart.apis.common.authorization import Access, rate_limit_headers, require_model
from imagineart.apis.common.call import Call, Notes, has_idempotency_key, remaining_seconds
from imagineart.apis.imagineart.errors import STATUS_BY_CODE, error_response
from imagineart.web.picture_stream import PieceStream

Endpoint: TypeAlias = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Gate:
    """What stands before and behind every endpoint; `answer_once` is None where nothing is ever replayed."""

    access: Access
    settle: SettleRequest
    clock: Clock
    logger: Logger
    metrics: Metrics
    answer_once: Callable[[], AnswerOnce] | None = None


class Afterwards:
    """What is to be done when the present request is answered; an environment has one at a time."""

    def __init__(self, logger: Logger) -> None:
        self._acts: list[Callable[[], None]] = []
        self._logger = logger

    def add(self, act: Callable[[], None]) -> None:
        """Have it done once."""
        self._acts.append(act)

    def __call__(self) -> None:
        """Do it all. The answer is given: what fails is logged."""
        acts, self._acts = self._acts, []
        for act in acts:
            try:
                act()
            except Exception:
                self._logger.exception("what was to be done after an answer failed")


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """Answers requests of one operation; it never raises."""

    operation: Operation
    endpoint: Endpoint
    gate: Gate
    log_prompts: bool
    afterwards: Afterwards

    async def __call__(self, request: Request) -> Response:
        """The endpoint's answer, or the error envelope; it is logged and settled when it has ended."""
        request_id: str = request.scope["aws.event"]["requestContext"]["requestId"]
        notes = Notes(
            {"request_id": request_id, "method": self.operation.method, "path": self.operation.path},
            {"X-Request-Id": request_id},
            began=time.monotonic(),
        )
        response = await self._respond(request, notes, request_id)
        response.headers.update(notes.headers)
        end = partial(self._end, notes, response.status_code)
        if isinstance(response, PieceStream):
            response.on_end = partial(_note_and_end, notes, end, time.monotonic())
        else:
            end()
        return response

    async def _respond(self, request: Request, notes: Notes, request_id: str) -> Response:
        try:
            return await self._let_through(request, notes)
        except ImagineArtError as error:
            notes.note_failure(error.code, field=getattr(error, "field", None), detail=error.detail)
            if isinstance(error, LimitReachedError):
                notes.headers |= rate_limit_headers(error.status)
                notes.log_fields.update(limit=error.status.name)
            return error_response(error, request_id)
        except Exception as error:
            self.gate.logger.exception("unexpected failure", request_id=request_id)
            notes.note_failure(InternalError.code, detail=type(error).__name__)
            return error_response(InternalError(), request_id)

    async def _let_through(self, request: Request, notes: Notes) -> Response:
        access = self.gate.access
        caller = notes.caller = access.identify(request.headers)
        notes.log_fields.update(consumer=caller.consumer_id, token_id=caller.token_id)
        may_be_replayed = self.gate.answer_once is not None and has_idempotency_key(request)
        admission = notes.admission = access.let_in(
            caller,
            self.operation,
            remaining_seconds=remaining_seconds(request),
            may_be_replayed=may_be_replayed,
        )
        notes.note_stage(Stage.ADMISSION, since=notes.began)
        notes.headers |= rate_limit_headers(admission.status)
        require_model(admission, self.operation)
        call = Call(
            request,
            self.operation,
            admission.consumer,
            notes,
            access,
            self.gate.clock,
            self.log_prompts,
            self.gate.answer_once,
        )
        return await self.endpoint(call)

    def _end(self, notes: Notes, status: int) -> None:
        """Log the request, and have it settled when its answer is given."""
        seconds = time.monotonic() - notes.began
        fields = {**notes.log_fields, "outcome": notes.outcome, "duration_ms": round(seconds * 1000)}
        self.gate.logger.info("request", **fields, status=status)
        if notes.caller is not None:
            answered = AnsweredRequest(
                consumer_id=notes.caller.consumer_id,
                operation=self.operation.name,
                resolution=notes.resolution,
                outcome=notes.outcome,
                images=notes.images,
                seconds=seconds,
                answered_at=self.gate.clock(),
            )
            self.afterwards.add(partial(self.gate.settle, notes.caller, notes.admission, answered))

        error_code = notes.outcome if notes.outcome in STATUS_BY_CODE else None
        self.gate.metrics.note_request(
            ObservedRequest(
                error_code,
                is_server_error=STATUS_BY_CODE.get(notes.outcome, status) >= HTTPStatus.INTERNAL_SERVER_ERROR,
                seconds=seconds,
                seconds_by_stage=notes.seconds_by_stage,
                images=notes.images,
            )
        )


def _note_and_end(
    notes: Notes,
    end: Callable[[], None],
    began: float,
    *,
    image_bytes: int,
    complete: bool,
    failure: Exception | None,
) -> None:
    notes.note_stage(Stage.DELIVERY, since=began)
    notes.note_delivery(image_bytes=image_bytes, complete=complete, failure=failure)
    end()

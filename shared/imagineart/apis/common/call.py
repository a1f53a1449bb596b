"""One authenticated request as an endpoint sees it: its form in, its pictures out, what is noted of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from imagineart.usage.model import CUT_OFF, NO_RESOLUTION, OK, REPLAYED
from imagineart.access.consumers import Consumer
from imagineart.errors import ImagineArtError, InternalError, InvalidRequestError
from imagineart.domain.observations import Stage
from imagineart.apis.imagineart.openai_parameters import read_series
from imagineart.access.tokens import Operation
from imagineart.images.model import Picture, SeriesRequest
from imagineart.apis.imagineart.parameters import EndpointParameters
from imagineart.domain.ports import Clock
from imagineart.idempotency.model import Answer, fingerprint
from imagineart.images.sizes import RESOLUTIONS
from imagineart.access.admit import Admission
from imagineart.idempotency.respond_once import AnswerOnce
from imagineart.access.authenticate import Caller
from imagineart.apis.imagineart.accepted_types import prefers_json
from imagineart.apis.common.authorization import Access
from imagineart.apis.common.forms import Form, is_form, parse_form
from imagineart.apis.imagineart.responses import SeriesStream
from imagineart.web.picture_stream import PIECES_EXTENSION, PictureStream, PieceStream

RESERVED_SECONDS: Final = 5.0
"""What is kept of the function's time for finishing a picture, or for answering that the deadline passed."""

KEEPING_SECONDS: Final = 5.0
"""What is kept beside that for keeping an answer that may be asked for again."""

PATIENCE_SECONDS: Final = 20.0
"""How long a request waits for an earlier one with its key: longer ones would fill functions with waiters."""

REPLAYED_HEADER: Final = "Idempotent-Replayed"


@dataclass(slots=True)
class Notes:
    """What is noted of a request while it is answered: for headers, the log, metrics, the account and limits.

    `began` is on the monotonic clock, in seconds.
    """

    log_fields: dict[str, Any]
    headers: dict[str, str]
    began: float
    caller: Caller | None = None
    admission: Admission | None = None
    resolution: str = NO_RESOLUTION
    outcome: str = OK
    images: int = 0
    seconds_by_stage: dict[Stage, float] = field(default_factory=dict)

    def note_stage(self, stage: Stage, *, since: float) -> None:
        """A part of the request's way ends now."""
        self.seconds_by_stage[stage] = time.monotonic() - since

    def note_failure(self, code: str, **log_fields: Any) -> None:
        """The request ends with an error, so that no image was made for anybody."""
        self.outcome, self.images = code, 0
        self.log_fields.update(code=code, **log_fields)

    def note_delivery(self, *, image_bytes: int, complete: bool, failure: Exception | None) -> None:
        """A delivery has ended: at its end, by its reader, or by the failure of what was being read."""
        self.log_fields.update(image_bytes=image_bytes, complete=complete)
        if failure is not None:
            code = failure.code if isinstance(failure, ImagineArtError) else InternalError.code
            self.note_failure(code, detail=getattr(failure, "detail", None) or type(failure).__name__)
        elif not complete:
            self.outcome = CUT_OFF


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request that was let in."""

    request: Request
    operation: Operation
    consumer: Consumer
    notes: Notes
    access: Access
    clock: Clock
    log_prompts: bool = False
    answer_once: Callable[[], AnswerOnce] | None = field(default=None)

    @property
    def remaining_seconds(self) -> float:
        """The time that the function has left."""
        return remaining_seconds(self.request)

    @property
    def deadline_seconds(self) -> float:
        """How long the backend may take: the function's remaining time less what is reserved."""
        reserved = RESERVED_SECONDS + (KEEPING_SECONDS if self._is_keyed else 0)
        return max(0.0, self.remaining_seconds - reserved)

    @property
    def is_reference_form(self) -> bool:
        """Whether it is what the API reference describes: a form to be answered with the PNG itself."""
        return is_form(self._content_type) and not self._wants_json

    @property
    def _is_keyed(self) -> bool:
        return self.answer_once is not None and has_idempotency_key(self.request)

    @property
    def _content_type(self) -> str:
        return self.request.headers.get("content-type", "")

    @property
    def _wants_json(self) -> bool:
        accept = self.request.headers.get("accept", "")
        return prefers_json(accept, otherwise=not is_form(self._content_type))

    async def read_form(self, parameters: EndpointParameters, *, accepts_json: bool = False) -> Form:
        """The request's form. Raises InvalidRequestError."""
        form = parse_form(
            self._content_type, await self.request.body(), parameters, accepts_json=accepts_json
        )
        self._note_request(form.fields)
        return form

    async def read_openai_form(self, parameters: EndpointParameters) -> tuple[SeriesRequest, Form]:
        """What a form or a JSON body in OpenAI's words asks for. Raises InvalidRequestError."""
        form = await self.read_form(parameters, accepts_json=True)
        series = read_series(parameters, form.fields)
        self._note_request(series.fields)
        if series.count > 1 and not self._wants_json:
            raise InvalidRequestError(
                "n", f"got {series.count}; allowed is 1 where Accept prefers image/png to application/json."
            )
        return series, form

    def answer_pictures(self, form: Form, count: int, make: Callable[[], Sequence[Picture]]) -> Response:
        """The `count` pictures that `make` makes for `form`; with an Idempotency-Key, once for all retries.

        They come inside JSON where the caller prefers it, else as the one PNG, whole where the way out cannot
        stream it. Raises what `make` and `AnswerOnce` raise, and LimitReachedError.
        """

        def make_counted() -> Sequence[Picture]:
            self._start_work(count)
            return make()

        if not self._is_keyed or self.answer_once is None:
            return self._respond(make_counted())
        key = self.request.headers["idempotency-key"]
        answered = self.answer_once()(
            self.consumer.id,
            key,
            fingerprint(
                key, self.operation.path, form.fields, form.files, "json" if self._wants_json else "image"
            ),
            lambda: self._read_whole(make_counted()),
            seconds_left=lambda: self.remaining_seconds,
            patience_seconds=min(PATIENCE_SECONDS, self.deadline_seconds),
        )
        if answered.replayed:
            self.notes.outcome = REPLAYED
        replayed = {REPLAYED_HEADER: str(answered.replayed).lower()}
        return Response(answered.answer.content, headers={**answered.answer.headers, **replayed})

    def _start_work(self, images: int) -> None:
        """Take what a request that paints needs; each is noted at once, so that it is given back."""
        notes = self.notes
        if notes.admission is not None:
            notes.admission = self.access.take_slot(notes.admission, remaining_seconds=self.remaining_seconds)
            notes.admission = self.access.reserve_images(notes.admission, images)

    def _respond(self, pictures: Sequence[Picture]) -> Response:
        stream = self._stream(pictures)
        if PIECES_EXTENSION in self.request.scope.get("extensions", {}):
            return stream
        answer = _whole(stream, self.notes)
        return Response(answer.content, headers=dict(answer.headers))

    def _read_whole(self, pictures: Sequence[Picture]) -> Answer:
        return _whole(self._stream(pictures), self.notes)

    def _stream(self, pictures: Sequence[Picture]) -> PieceStream:
        stream: PieceStream = (
            SeriesStream(pictures, int(self.clock())) if self._wants_json else PictureStream(pictures[0])
        )
        first = pictures[0]
        backend_seconds = sum(picture.backend_seconds for picture in pictures)
        self.notes.images = len(pictures)
        self.notes.seconds_by_stage[Stage.BACKEND] = backend_seconds
        self.notes.log_fields.update(
            model=first.model_id,
            seed=first.seed,
            size=str(first.size),
            backend=stream.headers["X-Backend"],
            backend_ms=round(backend_seconds * 1000),
            **({"pictures": len(pictures)} if self._wants_json else {}),
        )
        return stream

    def _note_request(self, fields: Mapping[str, str]) -> None:
        resolution = fields.get("resolution", RESOLUTIONS[-1])
        if self.operation.model is not None and resolution in RESOLUTIONS:
            self.notes.resolution = resolution
        if self.log_prompts and "prompt" in fields:
            self.notes.log_fields["prompt"] = fields["prompt"]


def remaining_seconds(request: Request) -> float:
    """The time that the function answering `request` has left."""
    remaining_ms: int = request.scope["aws.context"].get_remaining_time_in_millis()
    return remaining_ms / 1000


def has_idempotency_key(request: Request) -> bool:
    """Whether the request asks for an answer that may be given again."""
    return "idempotency-key" in request.headers


def _whole(stream: PieceStream, notes: Notes) -> Answer:
    try:
        content = b"".join(stream.body_pieces)
    finally:
        stream.body_pieces.close()
    notes.log_fields.update(image_bytes=stream.body_pieces.image_bytes)
    return Answer(dict(stream.headers), content)

"""Images or a job for a validated request, once for each Idempotency-Key."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias

from starlette.responses import Response

from imagineart.apis.common.call import Call
from imagineart.apis.common.events import respond_with_events
from imagineart.apis.common.respond_once import respond_once
from imagineart.apis.imagineart.image_body import ImageBody
from imagineart.apis.imagineart.image_events import ImageEvents
from imagineart.apis.imagineart.job_responses import accepted_response
from imagineart.apis.imagineart.keep_images import expects_urls, keep_images
from imagineart.apis.imagineart.operations import API, GENERATE_IMAGE
from imagineart.apis.imagineart.responses import backend_names, image_response, largest_response_bytes
from imagineart.idempotency.model import StoredResponse
from imagineart.images.model import Image, ImageRequest
from imagineart.usage.metrics import Stage
from imagineart.usage.model import ACCEPTED

MakeRequest: TypeAlias = Callable[[], Awaitable[ImageRequest]]
SendEvent: TypeAlias = Callable[[bytes], None]


async def respond_with_images(call: Call, body: ImageBody[Any], make_request: MakeRequest) -> Response:
    """The response with the images of `make_request`, which is called only where images are to be made.

    Where the caller prefers it, the response has a job that makes them. Raises what `make_request`,
    `Backends.generate`, `AcceptJob.accept` and `respond_once` raise, and LimitReachedError.
    """
    call.record.resolution = body.fields.resolution
    if body.fields.stream:
        return await respond_with_events(call, partial(_respond_once, call, body, make_request))
    return await _respond_once(call, body, make_request)


async def _respond_once(
    call: Call, body: ImageBody[Any], make_request: MakeRequest, send: SendEvent | None = None
) -> Response:
    """`send` is given where the response is a stream of events, of which all but the last go there."""

    async def make() -> StoredResponse:
        if call.is_async:
            return await _accept(call, body, make_request)
        return await _make(call, body, make_request, send)

    came = {name: str(getattr(body.fields, name)) for name in body.fields.model_fields_set}
    response_type = "job" if call.is_async else "json" if body.wants_json else "image"
    # What the fields mean, not their bytes, distinguishes the request from another one under its key.
    stored = await respond_once(
        call,
        came,
        make,
        files=(*body.references, *(() if body.mask is None else ("mask", body.mask))),
        response_type=response_type,
    )
    status = HTTPStatus.ACCEPTED if call.is_async else HTTPStatus.OK
    return Response(stored.content, status, dict(stored.headers))


async def _make(
    call: Call, body: ImageBody[Any], make_request: MakeRequest, send: SendEvent | None
) -> StoredResponse:
    call.reserve(images=body.fields.n)
    request = await make_request()
    response_bytes = largest_response_bytes(request.delivered_size, request.count, as_json=body.wants_json)
    prefix = "image_generation" if call.operation is GENERATE_IMAGE else "image_edit"
    events = ImageEvents(prefix, body.fields, call.services.clock)
    images = await call.services.backends.of(body.model).generate(
        request,
        deadline_seconds=call.deadline_seconds(response_bytes=response_bytes),
        partial_made=send and partial(_send_partial, events, request, send),
    )
    fields = body.fields
    wants_urls = fields.response_format == "url"
    urls = await keep_images(call, images) if wants_urls or (body.wants_json and expects_urls(fields)) else []
    _record(call, body, images)
    if send:
        return events.completed(images, urls)
    return image_response(
        images,
        model_id=body.model.id,
        as_json=body.wants_json,
        created=int(call.services.clock()),
        urls=urls,
        has_contents=not wants_urls,
    )


def _send_partial(
    events: ImageEvents, request: ImageRequest, send: SendEvent, position: int, index: int, content: bytes
) -> None:
    send(events.partial(request, position, index, content))


def _record(call: Call, body: ImageBody[Any], images: Sequence[Image]) -> None:
    record = call.record
    record.images = len(images)
    record.seconds_by_stage[Stage.BACKEND] = max(image.backend_seconds for image in images)
    record.log_fields.update(
        model=body.model.id,
        seed=images[0].seed,
        size=str(images[0].size),
        images=len(images),
        image_bytes=sum(len(image.content) for image in images),
        backend=backend_names(images),
        backend_ms=round(record.seconds_by_stage[Stage.BACKEND] * 1000),
    )


async def _accept(call: Call, body: ImageBody[Any], make_request: MakeRequest) -> StoredResponse:
    job = await call.services.accept_job.accept(
        call.required_admission,
        await make_request(),
        api=API,
        model_id=body.model.id,
        resolution=call.record.resolution,
        webhook_url=body.webhook_url,
    )
    call.record.outcome = ACCEPTED
    call.record.log_fields.update(model=body.model.id, job=job.key.id)
    return accepted_response(job)

"""Images or a job for a validated request, once for each Idempotency-Key."""

from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from starlette.responses import Response

from imagineart.apis.common.call import Call
from imagineart.apis.common.events import respond_with_events
from imagineart.apis.common.made_images import keep_images, record_images
from imagineart.apis.common.respond_once import respond_once
from imagineart.apis.imagineart.image_body import ImageBody
from imagineart.apis.imagineart.image_events import ImageEvents
from imagineart.apis.imagineart.job_responses import accepted_response
from imagineart.apis.imagineart.operations import API, GENERATE_IMAGE
from imagineart.apis.imagineart.parameters import ImageFields
from imagineart.apis.imagineart.responses import image_response, largest_response_bytes
from imagineart.idempotency.model import StoredResponse
from imagineart.images.model import ImageRequest
from imagineart.usage.model import ACCEPTED

MakeRequest: TypeAlias = Callable[[], Awaitable[ImageRequest]]
SendEvent: TypeAlias = Callable[[bytes], None]

URL_LIFE_SECONDS: Final = 3600
"""OpenAI's URLs work for as long."""


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
    images = await call.backends(request, body.model).generate(
        request,
        deadline_seconds=call.deadline_seconds(response_bytes=response_bytes),
        partial_made=send and partial(_send_partial, events, request, send),
    )
    fields = body.fields
    wants_urls = fields.response_format == "url"
    keeps = wants_urls or (body.wants_json and expects_urls(fields))
    urls = await keep_images(call, images, life_seconds=URL_LIFE_SECONDS) if keeps else []
    record_images(call, images, body.model.id)
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


def expects_urls(fields: ImageFields) -> bool:
    """Whether a program may read URLs without asking for them: OpenAI's oldest models respond with them.

    It gets the contents too, which other programs with these names read.
    """
    names_a_model = getattr(fields, "model").startswith("dall-e-")  # noqa: B009
    return names_a_model and not fields.stream and "response_format" not in fields.model_fields_set


def _send_partial(
    events: ImageEvents, request: ImageRequest, send: SendEvent, position: int, index: int, content: bytes
) -> None:
    send(events.partial(request, position, index, content))


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

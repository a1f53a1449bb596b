"""Images or a job for a validated request, once for each Idempotency-Key."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from starlette.responses import Response

from imagineart.apis.common.call import Call
from imagineart.apis.imagineart.image_body import ImageBody
from imagineart.apis.imagineart.job_responses import accepted_response
from imagineart.apis.imagineart.operations import API
from imagineart.apis.imagineart.responses import backend_names, image_response, largest_response_bytes
from imagineart.idempotency.model import StoredResponse, fingerprint
from imagineart.images.model import ImageRequest
from imagineart.usage.metrics import Stage
from imagineart.usage.model import ACCEPTED, REPLAYED

PATIENCE_SECONDS: Final = 20.0
"""How long a request waits for an earlier one with its key. Longer waits would fill the functions."""

REPLAYED_HEADER: Final = "Idempotent-Replayed"

MakeRequest: TypeAlias = Callable[[], Awaitable[ImageRequest]]


async def respond_with_images(call: Call, body: ImageBody[Any], make_request: MakeRequest) -> Response:
    """The response with the images of `make_request`, which is called only where images are to be made.

    Where the caller prefers it, the response has a job that makes them. Raises what `make_request`,
    `Backends.generate`, `AcceptJob.accept` and `Idempotency.respond_once` raise, and LimitReachedError.
    """
    call.record.resolution = body.fields.resolution

    async def make() -> StoredResponse:
        return await (_accept(call, body, make_request) if call.is_async else _make(call, body, make_request))

    key = call.idempotency_key
    if key is None:
        return _to_response(call, await make())
    response, replayed = await call.services.idempotency.respond_once(
        call.consumer_id,
        key,
        _fingerprint(call, key, body),
        make,
        lease_seconds=call.remaining_seconds,
        transfer_seconds=call.transfer_seconds,
        patience_seconds=min(PATIENCE_SECONDS, call.deadline_seconds()),
    )
    if replayed:
        call.record.outcome = REPLAYED
    headers = {**response.headers, REPLAYED_HEADER: str(replayed).lower()}
    return _to_response(call, replace(response, headers=headers))


async def _make(call: Call, body: ImageBody[Any], make_request: MakeRequest) -> StoredResponse:
    call.reserve(images=body.fields.n)
    request = await make_request()
    response_bytes = largest_response_bytes(request.delivered_size, request.count, as_json=body.wants_json)
    images = await call.services.backends.of(body.model).generate(
        request, deadline_seconds=call.deadline_seconds(response_bytes=response_bytes)
    )
    response = image_response(
        images, model_id=body.model.id, as_json=body.wants_json, created=int(call.services.clock())
    )
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
    return response


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


def _fingerprint(call: Call, key: str, body: ImageBody[Any]) -> str:
    """What distinguishes the request from another one under its key: what its fields mean, not its bytes."""
    came = {name: str(getattr(body.fields, name)) for name in body.fields.model_fields_set}
    response_type = "job" if call.is_async else "json" if body.wants_json else "image"
    return fingerprint(key, call.operation.name, came, body.references, response_type)


def _to_response(call: Call, stored: StoredResponse) -> Response:
    status = HTTPStatus.ACCEPTED if call.is_async else HTTPStatus.OK
    return Response(stored.content, status, dict(stored.headers))

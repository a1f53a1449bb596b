"""This system's way of a picture from the backend to Lambda, with nothing before and after it."""

import os
from typing import Any

from imagineart.adapters.deadline_http import DeadlineHttpClient
from imagineart.adapters.openai_images import OpenAiImagesBackend
from imagineart.adapters.openai_profiles import PROFILES
from imagineart.adapters.pictures import PillowPictureFinisher
from imagineart.domain.orders import SeriesRequest
from imagineart.use_cases.call_backends import CallBackends
from imagineart.use_cases.call_backends import Route as BackendRoute
from imagineart.use_cases.generate_image import GenerateImage
from imagineart.web.picture_stream import PictureStream
from imagineart.web.streaming_entry import StreamingEntry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lambda_response_streaming.runtime_client import StreamingRuntimeClient

backend = OpenAiImagesBackend(
    DeadlineHttpClient(os.environ["DELIVERY_BACKEND_URL"]),
    PROFILES["openai-compatible"],
    model="generate",
    api_key=lambda: None,
    response_format=os.environ["DELIVERY_RESPONSE_FORMAT"],
)
backends = CallBackends(
    [BackendRoute("peer", backend)],
    PillowPictureFinisher(),
    random_fraction=lambda: 0.0,
    note_attempt=lambda _, *, failed: None,
)
generate_image = GenerateImage(backends, random_below=lambda _: 0)
runtime = StreamingRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])


async def answer(request: Request) -> Response:
    """The backend's picture, cleaned."""
    response = PictureStream(generate_image(SeriesRequest(request.query_params), deadline_seconds=60)[0])
    response.on_end = require_complete
    return response


def require_complete(*, image_bytes: int, complete: bool, failure: Exception | None) -> None:
    """Raises RuntimeError where a delivery failed, which would else be a fast one."""
    if not complete:
        raise RuntimeError(f"the delivery ended after {image_bytes} bytes: {failure}")


application = Starlette(routes=[Route("/v1/images/generations", answer, methods=["POST"])])
entry = StreamingEntry(application, lambda: None)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Deliver, as AWS's bootstrap does with what a handler returns."""
    result, content_type = runtime.marshaller.marshal_response(entry(event, context))
    runtime.post_invocation_result("1", result, content_type, "1")
    return {"statusCode": 200}

"""GET /results/{file}: a finished file, for every client that knows its URL.

The URL is the permission. So it needs no token, and is kept out of every log; a page that shows the file
passes it on to no other site, and what is in the file runs nowhere.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Path
from starlette.responses import RedirectResponse, Response, StreamingResponse

from imagineart.apis.common.dependencies import CurrentCall
from imagineart.apis.common.route import unauthenticated
from imagineart.apis.imagineart.documentation import RESULT_RESPONSES
from imagineart.s3 import StoredObject

MAX_STREAMED_BYTES: Final = 32 * 1024 * 1024
"""What is larger comes from S3 itself: Lambda streams no faster than 2 MB/s after the first 6 MB."""

REDIRECT_LIFE_SECONDS: Final = 60

HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every response, errors included; a file may be cached until it expires."""

router: Final = APIRouter(route_class=unauthenticated("results"), tags=["Results"])

ResultName = Annotated[str, Path(description="The end of the URL that the API named.")]


@router.head("/results/{file}", include_in_schema=False)
@router.get(
    "/results/{file}",
    operation_id="serve_result",
    summary="Get a result",
    response_class=Response,
    responses=RESULT_RESPONSES,
    openapi_extra={"security": []},
)
async def serve_result(file: ResultName, call: CurrentCall) -> Response:
    """Get a finished file by its URL, which needs no token, until it expires."""
    call.record.headers |= HEADERS
    results = call.services.results
    result, stored = results.find(file)
    cache_control = f"private, max-age={results.seconds_left(result)}"
    is_head = call.request.method == "HEAD"
    if not is_head and ("range" in call.request.headers or stored.size_bytes > MAX_STREAMED_BYTES):
        stored.close()
        url = results.presign(result, cache_control=cache_control, life_seconds=REDIRECT_LIFE_SECONDS)
        return RedirectResponse(url)
    call.record.headers["Cache-Control"] = cache_control
    headers = {"ETag": stored.etag, "Accept-Ranges": "bytes"}
    if is_head:
        stored.close()
        return Response(media_type=result.media_type, headers=headers)
    return StreamingResponse(_chunks(stored), media_type=result.media_type, headers=headers)


async def _chunks(stored: StoredObject) -> AsyncIterator[bytes]:
    """Without a thread: the environment serves this one request, so that nothing else waits for S3."""
    for chunk in stored.chunks():
        yield chunk

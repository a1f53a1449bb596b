"""POST /v1/uploads: the size and type of an image in, a place to put it out."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request

from imagineart.apis.common.dependencies import CurrentCall
from imagineart.apis.common.fields import JSON, read_fields
from imagineart.apis.common.route import authenticated
from imagineart.apis.imagineart.documentation import ERROR_RESPONSES, UPLOAD_RESPONSE, request_body
from imagineart.apis.imagineart.operations import REQUEST_UPLOAD
from imagineart.apis.imagineart.parameters import UploadFields

router: Final = APIRouter(route_class=authenticated(REQUEST_UPLOAD), tags=["Uploads"])

_EXAMPLE: Final = {"content_type": "image/jpeg", "size": 8_388_608}


async def _read_body(request: Request) -> UploadFields:
    return UploadFields.read(await read_fields(request))


@router.post(
    "/v1/uploads",
    summary="Upload a large reference image",
    responses=ERROR_RESPONSES | UPLOAD_RESPONSE,
    # The document has one kind of body: for several, and no optional parameter beside them, the generator
    # openapi-python-client 0.29 writes a module that cannot be imported.
    openapi_extra={"requestBody": request_body({JSON: UploadFields.request_schema()}, _EXAMPLE)},
)
async def request_upload(
    body: Annotated[UploadFields, Depends(_read_body)], call: CurrentCall
) -> dict[str, Any]:
    """Get a place to put a reference image that is too large for a request, and the id that stands for it.

    A form with the same fields works too.
    """
    granted = call.services.uploads.grant(
        call.consumer_id, content_type=body.content_type, size_bytes=body.size
    )
    return {
        "id": granted.id,
        "method": "PUT",
        "url": granted.url,
        "headers": granted.headers,
        "expires_at": datetime.fromtimestamp(granted.expires_at, UTC).isoformat(),
    }

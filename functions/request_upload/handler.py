"""POST /v1/uploads: size and kind of an image in, a place to put it out."""

import os
from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response

from imagineart.bootstrap import Services
from imagineart.domain.operations import REQUEST_UPLOAD
from imagineart.domain.parameters import UPLOAD_PARAMETERS
from imagineart.web.calls import Call

services = Services(os.environ)
request_upload = services.request_upload


async def answer(call: Call) -> Response:
    """Translate the fields into the use case and its grant into the answer."""
    form = await call.read_form(UPLOAD_PARAMETERS, accepts_json=True)
    upload, request = request_upload(call.consumer.id, form.fields)
    return JSONResponse(
        {
            "id": upload.id,
            "method": "PUT",
            "url": request.url,
            "headers": request.headers,
            "expires_at": datetime.fromtimestamp(upload.expires_at, UTC).isoformat(),
        }
    )


handler = services.handler(REQUEST_UPLOAD, answer)

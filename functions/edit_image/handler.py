"""POST /v1/images/edits: a form with reference images in, a PNG out; or JSON in OpenAI's shape."""

import os

from starlette.responses import Response

from imagineart.bootstrap import Services
from imagineart.domain.catalogue import EDIT_MODEL
from imagineart.domain.openai_parameters import OPENAI_EDIT_PARAMETERS
from imagineart.web.lambda_entry import Call

services = Services(os.environ)
edit_image = services.edit_image


async def answer(call: Call) -> Response:
    """Translate the form into the use case and its pictures into the answer."""
    if call.is_reference_form:
        form = await call.read_form(EDIT_MODEL.parameters)
        picture = edit_image(
            call.consumer_id, form.fields, form.files, deadline_seconds=call.deadline_seconds
        )
        return call.answer_picture(picture)
    series, form = await call.read_openai_form(OPENAI_EDIT_PARAMETERS)
    pictures = edit_image.series(call.consumer_id, series, form.files, deadline_seconds=call.deadline_seconds)
    return call.answer_series(pictures)


handler = services.handler("POST", "/v1/images/edits", answer)

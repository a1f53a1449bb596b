"""POST /v1/images/edits: a form with reference images in, a PNG out; or JSON in OpenAI's shape."""

import os

from starlette.responses import Response

from imagineart.bootstrap import Services
from imagineart.domain.catalogue import EDIT_MODEL
from imagineart.domain.openai_parameters import OPENAI_EDIT_PARAMETERS
from imagineart.domain.operations import EDIT_IMAGE
from imagineart.domain.orders import SeriesRequest
from imagineart.web.calls import Call

services = Services(os.environ)
edit_image = services.edit_image


async def answer(call: Call) -> Response:
    """Translate the form into the use case and its pictures into the answer."""
    if call.is_reference_form:
        form = await call.read_form(EDIT_MODEL.parameters)
        series = SeriesRequest(form.fields)
    else:
        series, form = await call.read_openai_form(OPENAI_EDIT_PARAMETERS)
    return call.answer_pictures(
        form,
        series.count,
        lambda: edit_image(call.consumer.id, series, form.files, deadline_seconds=call.deadline_seconds),
    )


handler = services.handler(EDIT_IMAGE, answer)

"""POST /v1/images/generations: a form in, a PNG out; or JSON in OpenAI's shape."""

import os

from starlette.responses import Response

from imagineart.bootstrap import Services
from imagineart.domain.catalogue import GENERATION_MODEL
from imagineart.domain.openai_parameters import OPENAI_GENERATION_PARAMETERS
from imagineart.domain.operations import GENERATE_IMAGE
from imagineart.domain.orders import SeriesRequest
from imagineart.web.calls import Call

services = Services(os.environ)
generate_image = services.generate_image


async def answer(call: Call) -> Response:
    """Translate the form into the use case and its pictures into the answer."""
    if call.is_reference_form:
        form = await call.read_form(GENERATION_MODEL.parameters)
        series = SeriesRequest(form.fields)
    else:
        series, form = await call.read_openai_form(OPENAI_GENERATION_PARAMETERS)
    return call.answer_pictures(
        form, series.count, lambda: generate_image(series, deadline_seconds=call.deadline_seconds)
    )


handler = services.handler(GENERATE_IMAGE, answer)

"""POST /v1/images/generations: a form in, a PNG out."""

import os

from starlette.responses import Response

from imagineart.bootstrap import Services
from imagineart.domain.catalogue import GENERATION_MODEL
from imagineart.web.lambda_entry import Call

services = Services(os.environ)
generate_image = services.generate_image


async def answer(call: Call) -> Response:
    """Translate the form into the use case and its picture into the answer."""
    form = await call.read_form(GENERATION_MODEL.parameters)
    picture = generate_image(form.fields, deadline_seconds=call.deadline_seconds)
    return call.answer_picture(picture)


handler = services.handler("POST", "/v1/images/generations", answer)

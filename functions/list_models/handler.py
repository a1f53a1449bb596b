"""GET /v1/models: the models a caller may use, and the parameters each accepts."""

import os

from starlette.responses import JSONResponse, Response

from imagineart.bootstrap import Services
from imagineart.domain.operations import LIST_MODELS
from imagineart.use_cases.list_models import list_models
from imagineart.web.calls import Call


async def answer(call: Call) -> Response:
    """Translate the catalogue into the answer."""
    return JSONResponse(list_models(call.consumer))


handler = Services(os.environ).handler(LIST_MODELS, answer)

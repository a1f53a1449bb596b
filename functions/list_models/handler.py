"""GET /v1/models: the models a caller may use, and the parameters each accepts."""

import os

from starlette.responses import JSONResponse, Response

from imagineart.bootstrap import Services
from imagineart.use_cases.list_models import list_models
from imagineart.web.lambda_entry import Call


async def answer(_: Call) -> Response:
    """Translate the catalogue into the answer."""
    return JSONResponse(list_models())


handler = Services(os.environ).handler("GET", "/v1/models", answer)

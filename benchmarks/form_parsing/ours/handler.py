"""This system's way from an event to a parsed form, with nothing before and after it."""

import time

from aws_lambda_powertools import Logger
from starlette.responses import Response

from imagineart.domain.consumers import MAX_REQUESTS_PER_MINUTE, Consumer
from imagineart.domain.parameters import EDIT_PARAMETERS
from imagineart.domain.rate_limits import RateLimitStatus
from imagineart.use_cases.authenticate_caller import Caller
from imagineart.web.access import Access
from imagineart.web.lambda_entry import Call, authenticated_handler


async def answer(call: Call) -> Response:
    """How many bytes the files hold."""
    form = await call.read_form(EDIT_PARAMETERS)
    return Response(str(sum(len(each) for each in form.files)), media_type="text/plain")


CALLER = Caller(Consumer("benchmark", MAX_REQUESTS_PER_MINUTE), "benchmark")
access = Access(
    authenticate=lambda *_, **__: CALLER,  # type: ignore[arg-type]
    count=lambda _: RateLimitStatus(MAX_REQUESTS_PER_MINUTE, 1, reset_at=0),  # type: ignore[arg-type]
    clock=time.time,
)
handler = authenticated_handler(
    "POST", "/v1/images/edits", answer, access=access, logger=Logger(), streaming=True
)

"""This system's way from an event to a parsed form, with nothing before and after it."""

import time

from aws_lambda_powertools import Logger
from imagineart.adapters.embedded_metrics import EmbeddedMetrics
from imagineart.domain.consumers import Consumer
from imagineart.domain.limits import MAX_CONCURRENT_REQUESTS, MAX_REQUESTS_PER_MINUTE, Limits, slots_taken
from imagineart.domain.operations import ALL_SCOPES, EDIT_IMAGE
from imagineart.domain.parameters import EDIT_PARAMETERS
from imagineart.use_cases.admit_request import Admission
from imagineart.use_cases.authenticate_caller import Caller
from imagineart.web.access import Access
from imagineart.web.answer_request import Gate
from imagineart.web.calls import Call
from imagineart.web.lambda_entry import Runtime, authenticated_handler
from starlette.responses import Response


async def answer(call: Call) -> Response:
    """How many bytes the files hold."""
    form = await call.read_form(EDIT_PARAMETERS)
    return Response(str(sum(len(each) for each in form.files)), media_type="text/plain")


CONSUMER = Consumer("benchmark", Limits(MAX_REQUESTS_PER_MINUTE, MAX_CONCURRENT_REQUESTS))
ADMISSION = Admission(CONSUMER, 0, None, slots_taken(CONSUMER.limits, 0), ())
access = Access(
    authenticate=lambda *_, **__: Caller(CONSUMER.id, "benchmark", ALL_SCOPES),  # type: ignore[arg-type]
    admit=lambda *_, **__: ADMISSION,  # type: ignore[arg-type]
)
gate = Gate(
    access,
    settle=lambda *_: None,  # type: ignore[arg-type]
    clock=time.time,
    logger=Logger(),
    metrics=EmbeddedMetrics("ImagineArt/benchmark", "form_parsing", "$LATEST"),
)
handler = authenticated_handler(EDIT_IMAGE, answer, gate, Runtime(is_extended=True))

"""Whatever the backend, its caller can end the call at any moment."""

import asyncio

import pytest

from imagineart.backends.model import ImageBackend
from imagineart.images.model import ImageRequest
from tests.conformance.conftest import Run
from tests.conformance.requests import SIZE, finished
from tests.conformance.subject import Subject, plain_png
from tests.fault_backend import Delivery, FaultBackend

AN_IMAGE = plain_png(b"\x10\x20\x30", SIZE)
SHORT_SECONDS = 0.05


@pytest.mark.parametrize(
    "delivery",
    [Delivery.HELD, Delivery.HELD_BODY, Delivery.DRIPPED, Delivery.DRIPPED_BODY],
    ids=lambda delivery: delivery.name.lower(),
)
def test_a_call_ends_at_its_timeout_however_slowly_the_server_responds_and_the_next_one_succeeds(
    subject: Subject, server: FaultBackend, backend: ImageBackend, run: Run, request_: ImageRequest, delivery
) -> None:
    server.script(subject.image(AN_IMAGE).delivered(delivery))

    async def give_up_soon() -> None:
        call = asyncio.create_task(backend.generate(request_))
        await asyncio.to_thread(server.wait_for_requests, 1)
        async with asyncio.timeout(SHORT_SECONDS):
            await call

    with pytest.raises(TimeoutError):
        run(give_up_soon())
    assert not server.released.is_set()
    server.script(subject.image(AN_IMAGE))
    assert run(finished(backend, request_)) == AN_IMAGE

"""A trial asks one route once and tells the operator what to do where no picture comes."""

import pytest

from imagineart.domain.errors import (
    ImagineArtError,
    InternalError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitedError,
)
from imagineart.domain.images import PNG, ReferenceImage
from imagineart.domain.orders import EditOrder, GenerationOrder
from imagineart.domain.sizes import Size
from imagineart.use_cases.call_backends import Route
from imagineart.use_cases.try_backends import TRIAL_SECONDS, Trial, TryBackends
from tests.fakes.clock import FakeClock
from tests.fakes.image_making import FakeImageBackend, FakePictureFinisher

REFERENCE = ReferenceImage(b"a photo", PNG, Size(64, 64))


def try_one(backend: FakeImageBackend, *, edit: bool = False) -> Trial:
    trying = TryBackends(FakePictureFinisher(), FakeClock())
    route = Route("gpu", backend)
    if edit:
        return trying.try_edit("image-edit", route, REFERENCE)
    return trying.try_generation("text-to-image", route)


@pytest.mark.parametrize("edit", [False, True])
def test_a_picture_is_counted_to_its_end(edit: bool) -> None:
    backend = FakeImageBackend(answer=(b"123", b"4567"))
    trial = try_one(backend, edit=edit)
    assert trial.picture_bytes == len(b"1234567 at 1024x1024")
    assert (trial.failure, trial.advice, trial.route) == (None, None, "gpu")
    (order,) = backend.orders
    assert isinstance(order, EditOrder if edit else GenerationOrder)
    assert backend.deadlines_seconds == [TRIAL_SECONDS]


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (ModelAuthError(detail="401"), "Store its API key"),
        (ModelNotAvailableError(detail="404"), "does not serve this model"),
        (ModelUnavailableError(detail="refused"), "Check that it runs"),
        (ModelTimeoutError(deadline_seconds=3), "No picture came in time"),
        (RateLimitedError("At its limit.", retry_after_seconds=1, detail="429"), "raise its quota"),
        (InvalidRequestError("prompt", "refused.", detail="policy"), "content policy"),
        (InternalError(detail="no such secret"), "the secret exists"),
        (ModelError(detail="500"), "no picture"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failure_is_told_with_what_to_do_about_it(error: ImagineArtError, advice: str) -> None:
    backend = FakeImageBackend(failure=error)
    trial = try_one(backend)
    assert trial.failure == (error.detail or error.message)
    assert trial.advice is not None
    assert advice in trial.advice
    assert len(backend.orders) == 1

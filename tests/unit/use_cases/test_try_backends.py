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
    OrderRefusedError,
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
        return trying.try_edit("image-edit", route, [REFERENCE, REFERENCE])
    return trying.try_generation("text-to-image", route)


@pytest.mark.parametrize("edit", [False, True])
def test_a_picture_is_counted_to_its_end(edit: bool) -> None:
    backend = FakeImageBackend(answer=(b"123", b"4567"))
    trial = try_one(backend, edit=edit)
    assert trial.picture_bytes == len(b"1234567 at 2048x2048")
    assert (trial.failure, trial.advice, trial.route) == (None, None, "gpu")
    (order,) = backend.orders
    assert isinstance(order, EditOrder if edit else GenerationOrder)
    assert backend.deadlines_seconds == [TRIAL_SECONDS]


def test_a_trial_takes_no_longer_than_the_route_allows_an_attempt() -> None:
    backend = FakeImageBackend()
    TryBackends(FakePictureFinisher(), FakeClock()).try_generation("m", Route("gpu", backend, 5.0))
    assert backend.deadlines_seconds == [5.0]


def test_an_edit_says_of_how_many_references() -> None:
    assert try_one(FakeImageBackend(), edit=True).model_id == "image-edit of 2"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (ModelAuthError(detail="401"), "Store its API key"),
        (ModelNotAvailableError(detail="404"), "does not serve this model"),
        (ModelUnavailableError(detail="refused"), "Check that it runs"),
        (ModelTimeoutError(deadline_seconds=3), "No picture came in time"),
        (OrderRefusedError(detail="422"), "does not take such an order"),
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

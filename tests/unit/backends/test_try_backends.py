"""A trial calls each route once and tells the operator what to do where no image comes."""

import pytest

from imagineart.backends.http import HttpClient
from imagineart.backends.model import Route
from imagineart.backends.try_backends import Trial, try_backends
from imagineart.errors import (
    ImagineArtError,
    InternalError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitedError,
    RequestRefusedError,
)
from imagineart.images.kinds import PNG
from imagineart.images.model import ImageRequest, ReferenceImage
from imagineart.images.sizes import Size
from imagineart.models.read_document import packaged_document
from tests.fakes.image_making import FakeImageBackend
from tests.sample_images import sample

REFERENCE = ReferenceImage(b"a photo", PNG, Size(64, 64))


class WorkingBackend(FakeImageBackend):
    async def generate(self, request: ImageRequest):
        generated = await super().generate(request)
        return type(generated)(sample("png", 2048, 2048), generated.has_seed)


def trials(attempt_seconds: float | None = None, **routes: FakeImageBackend) -> list[Trial]:
    models = {model.id.replace("-", "_"): model for model in packaged_document().image_models}
    tried = [(models[name], [Route("gpu", backend, attempt_seconds)]) for name, backend in routes.items()]
    return list(try_backends(tried, REFERENCE, HttpClient()))


def test_generations_are_tried_once_and_edits_with_one_and_two_references() -> None:
    generations, edits = WorkingBackend(), WorkingBackend()
    results = trials(text_to_image=generations, image_edit=edits)
    assert [result.model_id for result in results] == ["text-to-image", "image-edit of 1", "image-edit of 2"]
    assert all(result.file_bytes > 1000 and result.failure is None for result in results)
    assert [len(request.references) for request in generations.requests + edits.requests] == [0, 1, 2]


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (ModelAuthError(detail="401"), "Store its API key"),
        (ModelNotAvailableError(detail="404"), "does not serve this model"),
        (ModelUnavailableError(detail="refused"), "Check that it runs"),
        (ModelTimeoutError(deadline_seconds=3), "Nothing came in time"),
        (RequestRefusedError(detail="422"), "does not take such a request"),
        (RateLimitedError("At its limit.", retry_after_seconds=1, detail="429"), "raise its quota"),
        (InvalidRequestError("prompt", "refused.", detail="policy"), "content policy"),
        (InternalError(detail="no such secret"), "the secret exists"),
        (ModelError(detail="500"), "cannot be used"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failure_is_reported_with_what_to_do_about_it(error: ImagineArtError, advice: str) -> None:
    backend = FakeImageBackend([error])
    (trial,) = trials(text_to_image=backend)
    assert trial.failure == (error.detail or error.message)
    assert advice in (trial.advice or "")
    assert len(backend.requests) == 1


def test_an_image_that_does_not_come_in_the_time_of_the_route_is_a_failure() -> None:
    (trial,) = trials(0.05, text_to_image=FakeImageBackend(seconds=30))
    assert "Nothing came in time" in (trial.advice or "")

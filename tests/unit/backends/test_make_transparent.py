"""Images of a model that makes no transparency are cut out by another one, within the bounds of a request."""

from imagineart.backends.call_backends import MAX_AT_ONCE
from imagineart.backends.make_transparent import CutOutBackends
from imagineart.backends.model import Route
from imagineart.images.model import ImageRequest
from imagineart.images.sizes import Size
from tests.fakes.image_making import FakeImageBackend, fake_backends
from tests.fakes.virtual_time import run_in_virtual_time

REQUEST = ImageRequest("a fox", Size(64, 48), seed=7, count=10, background="transparent")


def test_at_most_four_images_of_a_request_are_cut_out_at_the_same_time() -> None:
    maker, remover = FakeImageBackend(seconds=1.0), FakeImageBackend(content=b"cut out", seconds=1.0)
    backends = CutOutBackends(
        fake_backends([Route("gpu", maker)]), fake_backends([Route("bedrock", remover)])
    )
    images = run_in_virtual_time(backends.generate(REQUEST, deadline_seconds=60.0))
    assert [each.seed for each in images] == list(range(7, 17))
    assert {each.backend for each in images} == {"gpu, bedrock"}
    assert (maker.most_running, remover.most_running) == (MAX_AT_ONCE, MAX_AT_ONCE)

"""From a form to an order to a finished picture."""

import pytest

from imagineart.domain.errors import InvalidRequestError, ModelError
from imagineart.domain.orders import GenerationOrder, Picture, SeriesRequest
from imagineart.domain.sizes import Size
from imagineart.use_cases.generate_image import GenerateImage
from tests.fakes.image_making import FakeImageBackend, only
from tests.fakes.randomness import FixedRandomBelow


@pytest.fixture
def backend() -> FakeImageBackend:
    return FakeImageBackend()


def generate(backend: FakeImageBackend, *, deadline_seconds: float = 60, **fields: str) -> Picture:
    use_case = GenerateImage(only(backend), FixedRandomBelow(0.5))
    (picture,) = use_case(SeriesRequest({"prompt": "a fox"} | fields), deadline_seconds=deadline_seconds)
    return picture


def test_a_prompt_alone_orders_a_square_2k_picture_with_a_random_seed(backend: FakeImageBackend) -> None:
    generate(backend)
    assert backend.orders == [GenerationOrder("a fox", Size(2048, 2048), seed=2**31, reasoning="low")]


def test_every_field_reaches_the_backend(backend: FakeImageBackend) -> None:
    generate(
        backend, prompt=" a bear ", aspect_ratio="9:16", resolution="1K", seed="77", reasoning="high"
    )  # fmt: skip
    assert backend.orders == [GenerationOrder("a bear", Size(792, 1408), seed=77, reasoning="high")]


def test_the_picture_is_finished_and_says_what_was_made(backend: FakeImageBackend) -> None:
    backend.answer = (b"a fox", b", painted")
    picture = generate(backend, aspect_ratio="4:1", seed="9223372036854775807")
    assert b"".join(picture.png) == b"a fox, painted at 4096x1024"
    assert (picture.size, picture.seed, picture.model_id) == (Size(4096, 1024), 2**63 - 1, "text-to-image")
    assert picture.backend_seconds >= 0


@pytest.mark.parametrize("seed", ["0", "-1"])
def test_a_random_seed_is_told_so_that_it_can_be_sent_again(backend: FakeImageBackend, seed: str) -> None:
    picture = generate(backend, seed=seed)
    assert picture.seed == backend.orders[0].seed == 2**31
    assert generate(backend, seed=str(picture.seed)).seed == picture.seed


def test_a_series_orders_each_picture_under_its_own_seed_and_delivers_the_size_asked_for(
    backend: FakeImageBackend,
) -> None:
    fields = {"prompt": "a fox", "aspect_ratio": "3:2", "reasoning": "high"}
    request = SeriesRequest(fields, delivered_as=Size(1536, 1024), count=2)
    use_case = GenerateImage(only(backend), FixedRandomBelow(0.5))
    pictures = use_case(request, deadline_seconds=60)
    assert backend.orders == [
        GenerationOrder("a fox", Size(2496, 1664), 2**31 + position, "high", Size(1536, 1024))
        for position in (0, 1)
    ]
    assert [picture.seed for picture in pictures] == [2**31, 2**31 + 1]
    for picture in pictures:
        assert picture.size == Size(1536, 1024)
        assert b"".join(picture.png) == b"a picture at 1536x1024"


def test_the_backend_gets_the_whole_deadline(backend: FakeImageBackend) -> None:
    generate(backend, deadline_seconds=57.5)
    assert backend.deadlines_seconds == [57.5]


@pytest.mark.parametrize(
    "fields", [{"prompt": " "}, {"seed": "x"}, {"aspect_ratio": "auto"}, {"resolution": ""}]
)
def test_nothing_is_ordered_for_a_request_that_breaks_the_contract(
    backend: FakeImageBackend, fields: dict[str, str]
) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{next(iter(fields))}: "):
        generate(backend, **fields)
    assert backend.orders == []


def test_a_failure_of_the_backend_is_passed_on(backend: FakeImageBackend) -> None:
    backend.failure = ModelError()
    with pytest.raises(ModelError):
        generate(backend)


def test_the_picture_has_begun_and_the_rest_waits_until_it_is_read(backend: FakeImageBackend) -> None:
    picture = generate(backend)
    (source,) = backend.sources
    assert (source.read, source.closed) == (1, False)
    assert b"".join(picture.png) == b"a picture at 2048x2048"
    assert (source.read, source.closed) == (2, True)


def test_a_picture_that_nobody_reads_to_its_end_lets_the_backend_go(backend: FakeImageBackend) -> None:
    picture = generate(backend)
    picture.png.close()
    assert (backend.sources[0].read, backend.sources[0].closed) == (1, True)

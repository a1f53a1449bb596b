"""From a form with reference images to an order to a finished picture."""

from types import SimpleNamespace

import pytest

from imagineart.domain.errors import InvalidImageError, InvalidRequestError, ModelTimeoutError
from imagineart.domain.images import PNG, ReferenceImage
from imagineart.domain.orders import EditOrder, Picture, SeriesRequest
from imagineart.domain.sizes import Size
from imagineart.domain.uploads import Upload, create_upload
from imagineart.use_cases import edit_image
from imagineart.use_cases.edit_image import EditImage
from imagineart.use_cases.fetch_upload import FetchUpload
from tests.fakes.clock import FakeClock
from tests.fakes.image_making import FakeImageBackend, FakeReferenceReader, only
from tests.fakes.randomness import FixedRandomBelow, repeatable_random_below
from tests.fakes.token_stores import InMemoryPeppers
from tests.fakes.upload_storage import InMemoryUploadStorage

SIZES = {
    b"portrait": Size(3024, 4032),
    b"banner": Size(3000, 1000),
    b"dot": Size(1, 1),
    b"tower": Size(10, 900),
}

PEPPERS = InMemoryPeppers()
RANDOM_BELOW = repeatable_random_below()


@pytest.fixture
def backend() -> FakeImageBackend:
    return FakeImageBackend()


def edit(
    backend: FakeImageBackend,
    *images: bytes | str,
    reader: FakeReferenceReader | None = None,
    storage: InMemoryUploadStorage | None = None,
    deadline_seconds: float = 60,
    **fields: str,
) -> Picture:
    reader = reader or FakeReferenceReader(SIZES)
    fetch_upload = FetchUpload(storage or InMemoryUploadStorage(), PEPPERS, FakeClock())
    use_case = EditImage(only(backend), reader, fetch_upload, FixedRandomBelow(0.5))
    request = SeriesRequest({"prompt": "at night"} | fields)
    (picture,) = use_case("acme", request, images, deadline_seconds=deadline_seconds)
    return picture


def upload(content: bytes, storage: InMemoryUploadStorage, consumer_id: str = "acme", at: int = 0) -> Upload:
    """A content that was uploaded `at` seconds from now."""
    new = create_upload(
        consumer_id, now=int(FakeClock().now) + at, peppers=PEPPERS.read(), random_below=RANDOM_BELOW
    )
    storage.contents[new.key] = content
    return new


def test_a_prompt_and_an_image_order_a_2k_picture_of_the_images_ratio(backend: FakeImageBackend) -> None:
    edit(backend, b"portrait")
    reference = ReferenceImage(b"upright portrait", PNG, Size(3024, 4032))
    assert backend.orders == [EditOrder("at night", Size(1776, 2368), seed=2**31, references=(reference,))]


def test_every_field_reaches_the_backend(backend: FakeImageBackend) -> None:
    edit(backend, b"portrait", aspect_ratio="21:9", resolution="1K", seed="77")
    (order,) = backend.orders
    assert (order.size, order.seed) == (Size(1568, 672), 77)


def test_references_reach_the_backend_in_order(backend: FakeImageBackend) -> None:
    edit(backend, b"dot", b"banner", b"portrait", b"dot")
    assert [reference.content for reference in backend.orders[0].references] == [
        b"upright dot", b"upright banner", b"upright portrait", b"upright dot",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("images", "size"),
    [((b"banner", b"portrait"), Size(3552, 1184)), ((b"portrait", b"banner"), Size(1776, 2368)),
     ((b"tower",), Size(1184, 3552))],
)  # fmt: skip
def test_the_automatic_ratio_is_that_of_the_first_reference(
    backend: FakeImageBackend, images: tuple[bytes, ...], size: Size
) -> None:
    assert edit(backend, *images, aspect_ratio="auto").size == size


def test_the_picture_is_finished_and_says_what_was_made(backend: FakeImageBackend) -> None:
    picture = edit(backend, b"dot", seed="5")
    assert b"".join(picture.png) == b"a picture at 2048x2048"
    assert (picture.size, picture.seed, picture.model_id) == (Size(2048, 2048), 5, "image-edit")


@pytest.mark.parametrize("position", range(4))
def test_an_unusable_image_is_named_by_its_position(backend: FakeImageBackend, position: int) -> None:
    images = [b"dot"] * 4
    images[position] = b"a text"
    with pytest.raises(InvalidImageError) as caught:
        edit(backend, *images)
    assert caught.value.message == f"images[{position}]: the content is text."
    assert backend.orders == []


@pytest.mark.parametrize("count", [0, 5])
def test_too_few_or_too_many_images_are_refused_before_any_is_read(
    backend: FakeImageBackend, count: int
) -> None:
    with pytest.raises(InvalidRequestError, match=r"^images: "):
        edit(backend, *[b"a text"] * count)


@pytest.mark.parametrize(
    "fields", [{"prompt": ""}, {"aspect_ratio": "4:1"}, {"aspect_ratio": "1:4"}, {"seed": "-2"}]
)
def test_a_bad_field_is_refused_before_any_image_is_read(
    backend: FakeImageBackend, fields: dict[str, str]
) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{next(iter(fields))}: "):
        edit(backend, b"a text", **fields)


@pytest.mark.parametrize(("seconds_a_picture", "left_seconds"), [(0, 60), (5, 45), (19.5, 1.5), (40, 0)])
def test_the_time_spent_on_reading_is_taken_off_the_backends_deadline(
    backend: FakeImageBackend,
    monkeypatch: pytest.MonkeyPatch,
    seconds_a_picture: float,
    left_seconds: float,
) -> None:
    clock = FakeClock()
    monkeypatch.setattr(edit_image, "time", SimpleNamespace(monotonic=clock))
    reader = FakeReferenceReader(SIZES, clock, seconds_a_picture)
    edit(backend, b"dot", b"dot", b"dot", reader=reader, deadline_seconds=60)
    assert backend.deadlines_seconds == [left_seconds]


def test_a_failure_of_the_backend_is_passed_on(backend: FakeImageBackend) -> None:
    backend.failure = ModelTimeoutError(deadline_seconds=1)
    with pytest.raises(ModelTimeoutError):
        edit(backend, b"dot")


def test_files_and_uploads_reach_the_backend_in_the_order_of_the_request(backend: FakeImageBackend) -> None:
    storage = InMemoryUploadStorage()
    tower, banner = upload(b"tower", storage), upload(b"banner", storage)
    assert edit(backend, tower.id, b"dot", banner.id, b"portrait", storage=storage).size == Size(1184, 3552)
    assert [reference.content for reference in backend.orders[0].references] == [
        b"upright tower", b"upright dot", b"upright banner", b"upright portrait",
    ]  # fmt: skip


@pytest.mark.parametrize("position", range(4))
def test_an_unusable_upload_is_named_by_its_position_among_all_images(
    backend: FakeImageBackend, position: int
) -> None:
    storage = InMemoryUploadStorage()
    foreign, expired = upload(b"dot", storage, "globex"), upload(b"dot", storage, at=-3600)
    empty, text = upload(b"dot", storage), upload(b"a text", storage)
    del storage.contents[empty.key]
    for unusable in (foreign, expired, empty, text):
        images: list[bytes | str] = [b"dot"] * 4
        images[position] = unusable.id
        with pytest.raises(InvalidImageError, match=rf"^images\[{position}\]: ") as caught:
            edit(backend, *images, storage=storage)
        assert caught.value.field == f"images[{position}]"
    assert backend.orders == []


def test_too_many_images_are_refused_before_any_upload_is_fetched(backend: FakeImageBackend) -> None:
    with pytest.raises(InvalidRequestError, match=r"^images: got 5 files; allowed are 1 to 4"):
        edit(backend, b"dot", *["no upload"] * 4)


def test_the_picture_has_begun_and_the_rest_waits_until_it_is_read(backend: FakeImageBackend) -> None:
    picture = edit(backend, b"dot")
    (source,) = backend.sources
    assert (source.read, source.closed) == (1, False)
    picture.png.close()
    assert (source.read, source.closed) == (1, True)


def test_a_series_reads_the_references_once_and_delivers_the_size_asked_for(
    backend: FakeImageBackend,
) -> None:
    clock = FakeClock()
    reader = FakeReferenceReader(SIZES, clock, seconds_a_picture=1.0)
    fetch_upload = FetchUpload(InMemoryUploadStorage(), PEPPERS, FakeClock())
    use_case = EditImage(only(backend), reader, fetch_upload, FixedRandomBelow(0.5))
    request = SeriesRequest({"prompt": "at night", "seed": "5"}, delivered_as=Size(256, 256), count=3)
    started = clock()
    pictures = use_case("acme", request, [b"portrait"], deadline_seconds=60)
    assert clock() - started == 1.0
    assert [picture.seed for picture in pictures] == [5, 6, 7]
    assert [order.seed for order in backend.orders] == [5, 6, 7]
    assert {order.size for order in backend.orders} == {Size(1776, 2368)}
    assert {picture.size for picture in pictures} == {Size(256, 256)}

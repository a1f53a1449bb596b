"""An uploaded image is found by its id, and where it is not, the caller learns why."""

import pytest

from imagineart.domain.errors import InvalidImageError
from imagineart.domain.uploads import Upload, create_upload
from imagineart.use_cases.fetch_upload import FetchUpload
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.token_stores import InMemoryPeppers
from tests.fakes.upload_storage import InMemoryUploadStorage

NOW = 1_800_000_000
PEPPERS = InMemoryPeppers()


@pytest.fixture
def storage() -> InMemoryUploadStorage:
    return InMemoryUploadStorage()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def fetch(storage: InMemoryUploadStorage, clock: FakeClock) -> FetchUpload:
    return FetchUpload(storage, PEPPERS, clock)


@pytest.fixture
def upload(storage: InMemoryUploadStorage) -> Upload:
    """An upload of acme, whose content is there."""
    granted = create_upload(
        "acme", now=NOW, peppers=PEPPERS.read(), random_below=repeatable_random_below()
    )  # fmt: skip
    storage.contents[granted.key] = b"the content"
    return granted


def refusal(fetch: FetchUpload, upload_id: str, consumer_id: str = "acme") -> str:
    with pytest.raises(InvalidImageError) as caught:
        fetch(consumer_id, upload_id, label="images[2]")
    assert caught.value.field == "images[2]"
    assert caught.value.message.startswith("images[2]: ")
    return caught.value.message.removeprefix("images[2]: ")


def test_an_upload_is_found_by_its_id_as_often_as_it_is_asked_for(fetch: FetchUpload, upload: Upload) -> None:
    for _ in range(2):
        assert fetch("acme", upload.id, label="images[2]") == b"the content"


def test_an_empty_content_is_a_content(
    fetch: FetchUpload, upload: Upload, storage: InMemoryUploadStorage
) -> None:
    storage.contents[upload.key] = b""
    assert fetch("acme", upload.id, label="images[2]") == b""


@pytest.mark.parametrize("text", ["", "a.png", "data:image/png;base64,xyz", "upl_" + "x" * 51])
def test_a_text_that_is_no_id_is_refused_with_what_is_allowed(fetch: FetchUpload, text: str) -> None:
    assert refusal(fetch, text) == (
        f"got the text '{text}', which is no upload id of this consumer; allowed are a file part "
        "(with a filename) and an id from POST /v1/uploads."
    )


def test_a_long_hostile_text_is_cut_in_the_message(fetch: FetchUpload) -> None:
    assert len(refusal(fetch, "x" * 1_000_000)) < 300


def test_another_consumers_upload_is_no_upload_and_not_even_known_to_exist(
    fetch: FetchUpload, upload: Upload
) -> None:
    invented = "upl_" + "x" * 51
    assert refusal(fetch, upload.id, "globex").replace(upload.id, invented) == refusal(
        fetch, invented, "globex"
    )


@pytest.mark.parametrize("seconds", [0, 3599, 3599.999])
def test_an_upload_can_be_used_until_it_expires(
    fetch: FetchUpload, upload: Upload, clock: FakeClock, seconds: float
) -> None:
    clock.advance(seconds)
    assert fetch("acme", upload.id, label="images[2]") == b"the content"


@pytest.mark.parametrize("seconds", [3600, 3600.001, 10**9])
def test_an_expired_upload_is_refused_with_its_expiry_even_where_the_content_is_still_there(
    fetch: FetchUpload, upload: Upload, clock: FakeClock, seconds: float
) -> None:
    clock.advance(seconds)
    assert refusal(fetch, upload.id) == (
        "the upload expired at 2027-01-15T09:00:00+00:00; upload the image again."
    )


def test_an_upload_that_never_came_is_refused_with_what_to_do(
    fetch: FetchUpload, upload: Upload, storage: InMemoryUploadStorage
) -> None:
    storage.contents.clear()
    assert refusal(fetch, upload.id) == (
        "nothing was uploaded under this id; PUT the image to its url first."
    )

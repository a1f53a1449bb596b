"""An upload is granted for one image, bound to its size and kind."""

import pytest

from imagineart.domain.errors import InvalidRequestError
from imagineart.domain.images import INPUT_IMAGE_KINDS
from imagineart.domain.uploads import Upload, UploadRequest, read_upload_id
from imagineart.use_cases.request_upload import RequestUpload
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.token_stores import InMemoryPeppers
from tests.fakes.upload_storage import Grant, InMemoryUploadStorage

NOW = 1_800_000_000
PEPPERS = InMemoryPeppers()


@pytest.fixture
def storage() -> InMemoryUploadStorage:
    return InMemoryUploadStorage()


def request(storage: InMemoryUploadStorage, **fields: str) -> tuple[Upload, UploadRequest]:
    use_case = RequestUpload(storage, PEPPERS, repeatable_random_below(), FakeClock(NOW + 0.9))
    return use_case("acme", fields)


def refusal(storage: InMemoryUploadStorage, **fields: str) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        request(storage, **fields)
    assert storage.grants == []
    return caught.value.message


def test_an_upload_is_granted_for_an_hour_to_the_consumer_alone(storage: InMemoryUploadStorage) -> None:
    upload, sending = request(storage, content_type="image/heic", size="3500000")
    assert storage.grants == [Grant(upload.key, "image/heic", 3_500_000, life_seconds=3600)]
    assert sending == UploadRequest(f"https://storage.test/{upload.key}", {"Content-Type": "image/heic"})
    assert (upload.consumer_id, upload.expires_at) == ("acme", NOW + 3600)
    assert read_upload_id(upload.id, "acme", PEPPERS.read()) == upload


@pytest.mark.parametrize("size", [1, 2, 25 * 1024 * 1024 - 1, 25 * 1024 * 1024])
def test_every_size_up_to_25_mebibytes_is_granted(storage: InMemoryUploadStorage, size: int) -> None:
    request(storage, content_type="image/png", size=str(size))
    assert storage.grants[0].size_bytes == size


@pytest.mark.parametrize(
    "size", ["0", "-1", "26214401", "1e3", "1.0", "", " 5", "5 ", "٥", "0x10", "9" * 5000], ids=ascii
)
def test_any_other_size_is_refused_by_name(storage: InMemoryUploadStorage, size: str) -> None:
    message = refusal(storage, content_type="image/png", size=size)
    assert message.startswith(f"size: got '{size[:60]}")
    assert message.endswith("allowed is an integer from 1 to 26214400.")


@pytest.mark.parametrize("kind", INPUT_IMAGE_KINDS, ids=lambda kind: kind.name)
def test_every_accepted_kind_is_granted(storage: InMemoryUploadStorage, kind) -> None:
    request(storage, content_type=kind.media_type, size="5")
    assert storage.grants[0].media_type == kind.media_type


@pytest.mark.parametrize("media_type", ["", "png", "image/gif", "image/*", "IMAGE/PNG", "image/png; q=1"])
def test_any_other_kind_is_refused_by_name(storage: InMemoryUploadStorage, media_type: str) -> None:
    assert refusal(storage, content_type=media_type, size="5") == (
        f"content_type: got '{media_type}'; "
        "allowed are image/png, image/jpeg, image/webp, image/heic, image/heif."
    )


def test_size_and_kind_are_both_required(storage: InMemoryUploadStorage) -> None:
    assert refusal(storage, size="5").startswith("content_type: the field is required; allowed are image/png")
    assert refusal(storage, content_type="image/png").startswith("size: the field is required; allowed is an")


def test_two_uploads_never_share_an_id(storage: InMemoryUploadStorage) -> None:
    use_case = RequestUpload(storage, PEPPERS, repeatable_random_below(), FakeClock())
    fields = {"content_type": "image/png", "size": "5"}
    assert use_case("acme", fields)[0].id != use_case("acme", fields)[0].id

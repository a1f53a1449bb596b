"""An upload is granted to one consumer, and its id proves whose it is and how long it lasts."""

import secrets
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.access.tokens import Peppers
from imagineart.errors import InvalidImageError
from imagineart.uploads.model import UPLOAD_LIFE_SECONDS, Upload, create_upload, read_upload_id
from imagineart.uploads.uploads import Uploads
from tests.fakes.bucket import Grant, InMemoryBucket
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import FixedRandomBelow, repeatable_random_below
from tests.fakes.tokens import InMemoryPeppers

NOW = 1_800_000_000
PEPPERS = Peppers("1", {"1": "salt and pepper"})
ROTATED = Peppers("2", {"1": "salt and pepper", "2": "fresh pepper"})
RETIRED = Peppers("2", {"2": "fresh pepper"})
ALPHABET = string.digits + string.ascii_letters
consumer_ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True)


def new_upload(consumer_id: str = "acme", *, now: int = NOW, peppers: Peppers = PEPPERS) -> Upload:
    return create_upload(consumer_id, now=now, peppers=peppers, random_below=repeatable_random_below(now))


# Ids


@given(consumer_ids, consumer_ids, st.integers(0, 2**40), st.randoms(use_true_random=False))
def test_an_id_is_read_back_by_its_consumer_alone(owner: str, other: str, now: int, random) -> None:
    upload = create_upload(owner, now=now, peppers=PEPPERS, random_below=random.randrange)
    assert upload.expires_at == now + UPLOAD_LIFE_SECONDS
    assert upload.key == f"uploads/{owner}/{upload.id}"
    assert read_upload_id(upload.id, owner, PEPPERS) == upload
    assert (read_upload_id(upload.id, other, PEPPERS) is not None) is (owner == other)


def test_a_changed_lost_or_added_character_makes_it_no_id() -> None:
    text = new_upload().id
    for at in range(len(text)):
        for character in {"", *ALPHABET, "_", "-", " ", "é", "\n"} - {text[at]}:
            assert read_upload_id(text[:at] + character + text[at + 1 :], "acme", PEPPERS) is None
    for at in range(len(text) + 1):
        assert read_upload_id(text[:at] + "0" + text[at:], "acme", PEPPERS) is None


@given(st.text() | st.from_regex(r"upl_[0-9A-Za-z]{51}", fullmatch=True))
def test_an_invented_id_is_none(text: str) -> None:
    assert read_upload_id(text, "acme", PEPPERS) is None


def test_an_id_is_made_under_the_current_pepper_and_read_until_that_is_retired() -> None:
    before, after = new_upload(), new_upload(peppers=ROTATED)
    assert read_upload_id(before.id, "acme", ROTATED) == before
    assert read_upload_id(before.id, "acme", RETIRED) is None
    assert read_upload_id(after.id, "acme", RETIRED) == after


@pytest.mark.parametrize("fraction", [0.0, 0.5, 0.999999])
def test_ids_of_one_length_are_drawn_from_128_random_bits(fraction: float) -> None:
    random_below = FixedRandomBelow(fraction)
    upload = create_upload("acme", now=NOW, peppers=PEPPERS, random_below=random_below)
    assert random_below.limits == [2**128]
    assert len(upload.id) == len("upl_") + 22 + 7 + 22
    assert read_upload_id(upload.id, "acme", PEPPERS) == upload


# Granting and fetching


@pytest.fixture
def bucket() -> InMemoryBucket:
    return InMemoryBucket()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW + 0.9)


@pytest.fixture
def uploads(bucket: InMemoryBucket, clock: FakeClock) -> Uploads:
    return Uploads(bucket, InMemoryPeppers(), secrets.randbelow, clock)


def upload(uploads: Uploads, content: bytes = b"the content") -> str:
    """The id of an upload of acme, whose content is there."""
    granted = uploads.grant("acme", content_type="image/heic", size_bytes=len(content))
    uploads.bucket.contents[f"uploads/acme/{granted.id}"] = content
    return granted.id


def refusal(uploads: Uploads, upload_id: str, consumer_id: str = "acme") -> str:
    with pytest.raises(InvalidImageError) as caught:
        uploads.fetch(consumer_id, upload_id, label="images[2]")
    assert caught.value.field == "images[2]"
    return caught.value.message.removeprefix("images[2]: ")


def test_an_upload_is_granted_for_an_hour_for_one_type_and_size(
    uploads: Uploads, bucket: InMemoryBucket
) -> None:
    granted = uploads.grant("acme", content_type="image/heic", size_bytes=3_500_000)
    key = f"uploads/acme/{granted.id}"
    assert bucket.grants == [Grant(key, "image/heic", 3_500_000, life_seconds=3600)]
    assert (granted.url, granted.headers) == (f"https://bucket.test/{key}", {"Content-Type": "image/heic"})
    assert granted.expires_at == NOW + 3600
    assert granted.id != uploads.grant("acme", content_type="image/heic", size_bytes=1).id


def test_a_grant_says_when_its_url_ends_sooner_than_the_upload(
    uploads: Uploads, bucket: InMemoryBucket, clock: FakeClock
) -> None:
    bucket.url_life_seconds = 900
    granted = uploads.grant("acme", content_type="image/png", size_bytes=5)
    assert granted.expires_at == NOW + 900
    bucket.contents[f"uploads/acme/{granted.id}"] = b"12345"
    clock.advance(3500)
    assert uploads.fetch("acme", granted.id, label="images[2]") == b"12345"


@pytest.mark.parametrize("content", [b"the content", b""])
def test_an_upload_is_fetched_until_it_expires(uploads: Uploads, clock: FakeClock, content: bytes) -> None:
    upload_id = upload(uploads, content)
    for seconds in (0, 3599):
        clock.advance(seconds)
        assert uploads.fetch("acme", upload_id, label="images[2]") == content
    clock.advance(1)
    expected = "the upload expired at 2027-01-15T09:00:00+00:00; upload the image again."
    assert refusal(uploads, upload_id) == expected


@pytest.mark.parametrize("text", ["", "a.png", "data:image/png;base64,xyz", "upl_" + "x" * 51, "\ud800"])
def test_a_text_that_is_no_id_is_refused_with_what_is_allowed(uploads: Uploads, text: str) -> None:
    shown = text.encode(errors="backslashreplace").decode()
    assert refusal(uploads, text) == (
        f"got the text '{shown}', which is no upload id of this consumer; allowed: a file part "
        "(with a filename), an id from POST /v1/uploads."
    )


def test_another_consumers_upload_is_not_even_known_to_exist(uploads: Uploads) -> None:
    upload_id, invented = upload(uploads), "upl_" + "x" * 51
    assert refusal(uploads, upload_id, "globex").replace(upload_id, invented) == refusal(
        uploads, invented, "globex"
    )


def test_an_id_made_under_a_pepper_that_was_added_recently_is_known(
    bucket: InMemoryBucket, clock: FakeClock
) -> None:
    upload = new_upload(peppers=ROTATED)
    bucket.contents[upload.key] = b"the content"
    uploads = Uploads(bucket, InMemoryPeppers(added={"2": "fresh pepper"}), secrets.randbelow, clock)
    assert uploads.fetch("acme", upload.id, label="images[0]") == b"the content"

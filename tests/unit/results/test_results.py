"""The name of a result proves that it was made here, for which type and until when."""

import re
import string
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.access.tokens import Peppers
from imagineart.errors import ResultExpiredError, UnknownRequestError
from imagineart.results.model import (
    EXTENSION_BY_MEDIA_TYPE,
    MAX_RESULT_LIFE_SECONDS,
    MIN_RESULT_LIFE_SECONDS,
    NONCE_BITS,
    RESULT_LIFE_SECONDS,
    Result,
    create_result,
    read_result_name,
    result_key,
)
from imagineart.results.results import Results
from imagineart.s3 import StoredObject
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.tokens import InMemoryPeppers

NOW = 1_800_000_000
PEPPERS = Peppers("1", {"1": "salt and pepper"})
ROTATED = Peppers("2", {"1": "salt and pepper", "2": "fresh pepper"})
RETIRED = Peppers("2", {"2": "fresh pepper"})
nonces = st.integers(0, 2**NONCE_BITS - 1)
lives = st.integers(MIN_RESULT_LIFE_SECONDS, MAX_RESULT_LIFE_SECONDS)


def new_result(*, life_seconds: int = RESULT_LIFE_SECONDS, peppers: Peppers = PEPPERS) -> Result:
    return create_result("image/png", life_seconds, now=NOW, peppers=peppers, nonce=7**40)


# Names


@given(st.sampled_from(sorted(EXTENSION_BY_MEDIA_TYPE)), lives, st.integers(0, 2**40), nonces)
def test_a_name_says_where_the_file_is_what_it_is_and_until_when(
    media_type: str, life_seconds: int, now: int, nonce: int
) -> None:
    result = create_result(media_type, life_seconds, now=now, peppers=PEPPERS, nonce=nonce)
    assert result.expires_at == now + life_seconds
    assert result.path == f"/results/{result.name}"
    assert re.fullmatch(rf"results/\w{{22}}\.{EXTENSION_BY_MEDIA_TYPE[media_type]}", result.key)
    assert result.key == result_key(nonce, media_type=media_type)
    assert read_result_name(result.name, PEPPERS) == result


def test_a_changed_lost_or_added_character_makes_it_no_name() -> None:
    name = new_result().name
    for at in range(len(name)):
        for character in {"", *string.digits, *string.ascii_letters, "_", ".", "é", "\n"} - {name[at]}:
            assert read_result_name(name[:at] + character + name[at + 1 :], PEPPERS) is None
    for at in range(len(name) + 1):
        assert read_result_name(name[:at] + "0" + name[at:], PEPPERS) is None


def test_another_ending_is_another_name() -> None:
    stem = new_result().name.removesuffix(".png")
    for ending in (".jpg", ".webp", ".svg", ".html", ".PNG", ""):
        assert read_result_name(stem + ending, PEPPERS) is None


@given(st.text() | st.from_regex(r"res_[0-9A-Za-z]{51}\.png", fullmatch=True))
def test_an_invented_name_is_none(text: str) -> None:
    assert read_result_name(text, PEPPERS) is None


def test_a_name_is_made_under_the_current_pepper_and_read_until_that_is_retired() -> None:
    before, after = new_result(), new_result(peppers=ROTATED)
    assert read_result_name(before.name, ROTATED) == before
    assert read_result_name(before.name, RETIRED) is None
    assert read_result_name(after.name, RETIRED) == after


def test_who_knows_the_key_of_a_result_does_not_know_its_name() -> None:
    result, elsewhere = new_result(), new_result(peppers=RETIRED)
    code = result.name.removesuffix(".png")[-22:]
    assert code not in result.key
    assert result.key == elsewhere.key
    assert result.name != elsewhere.name


@pytest.mark.parametrize("life_seconds", [MIN_RESULT_LIFE_SECONDS - 1, MAX_RESULT_LIFE_SECONDS + 1])
def test_a_life_that_the_bucket_does_not_keep_is_refused(life_seconds: int) -> None:
    with pytest.raises(ValueError, match=f"got {life_seconds}; allowed: 60 to 604800"):
        new_result(life_seconds=life_seconds)


# Keeping and finding


@dataclass(slots=True)
class InMemoryBucket:
    """A bucket that notes what was opened."""

    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)

    def put(self, key: str, content: bytes, *, content_type: str) -> None:
        self.objects[key] = (content, content_type)

    def open(self, key: str) -> StoredObject | None:
        self.opened.append(key)
        return StoredObject(len(self.objects[key][0]), '"1"', None) if key in self.objects else None

    def presign_get(self, key: str, *, cache_control: str, life_seconds: int) -> str:
        return f"https://bucket.test/{key}?for={life_seconds}"


@pytest.fixture
def bucket() -> InMemoryBucket:
    return InMemoryBucket()


def make_results(bucket: InMemoryBucket, peppers: InMemoryPeppers | None = None) -> Results:
    random_below = repeatable_random_below(1)
    return Results(bucket, peppers or InMemoryPeppers(), random_below, FakeClock(NOW + 0.9))


def test_a_file_is_kept_with_its_type_for_a_day(bucket: InMemoryBucket) -> None:
    results = make_results(bucket)
    result = results.keep(b"an image", media_type="image/webp")
    assert bucket.objects == {result.key: (b"an image", "image/webp")}
    assert result.expires_at == NOW + 24 * 3600
    assert results.find(result.name)[0] == result
    assert results.keep(b"an image", media_type="image/webp").name != result.name


def test_an_expired_or_invented_name_reads_no_object(bucket: InMemoryBucket) -> None:
    results = make_results(bucket)
    result = results.keep(b"an image", media_type="image/png", life_seconds=60)
    results.clock.now = NOW + 60
    with pytest.raises(ResultExpiredError):
        results.find(result.name)
    with pytest.raises(UnknownRequestError):
        results.find("x" + result.name[1:])
    assert bucket.opened == []


def test_a_name_made_under_a_pepper_that_was_added_recently_is_known(bucket: InMemoryBucket) -> None:
    result = new_result(peppers=ROTATED)
    bucket.put(result.key, b"an image", content_type="image/png")
    results = make_results(bucket, InMemoryPeppers(added={"2": "fresh pepper"}))
    assert results.find(result.name)[0] == result

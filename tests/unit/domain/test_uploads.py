"""An upload's id is proof in itself: of its consumer, of its expiry, and that this system made it."""

import secrets
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.domain.tokens import Peppers
from imagineart.domain.uploads import UPLOAD_LIFE_SECONDS, Upload, create_upload, read_upload_id
from tests.fakes.randomness import FixedRandomBelow, repeatable_random_below

NOW = 1_800_000_000
PEPPERS = Peppers("1", {"1": "salt and pepper"})
ROTATED = Peppers("2", {"1": "salt and pepper", "2": "fresh pepper"})
RETIRED = Peppers("2", {"2": "fresh pepper"})
ALPHABET = string.digits + string.ascii_letters
consumer_ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True)


def new_upload(consumer_id: str = "acme", *, now: int = NOW, peppers: Peppers = PEPPERS) -> Upload:
    return create_upload(
        consumer_id, now=now, peppers=peppers, random_below=repeatable_random_below(now)
    )  # fmt: skip


@given(consumer_ids, st.integers(0, 2**40), st.randoms(use_true_random=False))
def test_an_id_is_read_back_by_its_consumer(consumer_id: str, now: int, random) -> None:
    upload = create_upload(consumer_id, now=now, peppers=PEPPERS, random_below=random.randrange)
    assert upload.expires_at == now + UPLOAD_LIFE_SECONDS
    assert upload.key == f"uploads/{consumer_id}/{upload.id}"
    assert read_upload_id(upload.id, consumer_id, PEPPERS) == upload


@given(consumer_ids, consumer_ids)
def test_an_id_is_nothing_to_another_consumer(owner: str, other: str) -> None:
    upload = new_upload(owner)
    assert (read_upload_id(upload.id, other, PEPPERS) is not None) is (owner == other)


def test_a_change_of_any_character_makes_it_no_id() -> None:
    text = new_upload().id
    for at in range(len(text)):
        for character in {*ALPHABET, "_", "-", " ", "é", "\n"} - {text[at]}:
            assert read_upload_id(text[:at] + character + text[at + 1 :], "acme", PEPPERS) is None


def test_a_lost_or_added_or_exchanged_character_makes_it_no_id() -> None:
    text = new_upload().id
    for at in range(len(text)):
        assert read_upload_id(text[:at] + text[at + 1 :], "acme", PEPPERS) is None
        if text[at : at + 1] != text[at + 1 : at + 2]:
            exchanged = text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :]
            assert (read_upload_id(exchanged, "acme", PEPPERS) is None) is (exchanged != text)
    for at in range(len(text) + 1):
        assert read_upload_id(text[:at] + "0" + text[at:], "acme", PEPPERS) is None
    for around in (f" {text}", f"{text}\n", f"{text}{text}", text.upper(), text.lower()):
        assert read_upload_id(around, "acme", PEPPERS) is None


@given(st.text() | st.from_regex(r"upl_[0-9A-Za-z]{51}", fullmatch=True))
def test_an_invented_id_is_none(text: str) -> None:
    assert read_upload_id(text, "acme", PEPPERS) is None


def test_a_later_expiry_cannot_be_lent_from_another_id() -> None:
    sooner, later = new_upload(now=NOW).id, new_upload(now=NOW + 86_400).id
    nonce, expiry = slice(4, 26), slice(26, 33)
    assert sooner[nonce] != later[nonce]
    assert sooner[expiry] != later[expiry]
    assert read_upload_id(sooner[:26] + later[expiry] + sooner[33:], "acme", PEPPERS) is None
    assert read_upload_id(sooner[:26] + later[26:], "acme", PEPPERS) is None


def test_an_id_outlives_the_rotation_of_its_pepper_and_not_its_retirement() -> None:
    upload = new_upload()
    assert read_upload_id(upload.id, "acme", ROTATED) == upload
    assert read_upload_id(upload.id, "acme", RETIRED) is None


def test_a_new_id_is_made_under_the_current_pepper() -> None:
    upload = new_upload(peppers=ROTATED)
    assert read_upload_id(upload.id, "acme", RETIRED) == upload
    assert read_upload_id(upload.id, "acme", PEPPERS) is None


def test_ids_are_drawn_from_128_random_bits() -> None:
    random_below = FixedRandomBelow(0.5)
    create_upload("acme", now=NOW, peppers=PEPPERS, random_below=random_below)
    assert random_below.limits == [2**128]
    drawn = {
        create_upload("acme", now=NOW, peppers=PEPPERS, random_below=secrets.randbelow).id for _ in range(100)
    }
    assert len(drawn) == 100


@pytest.mark.parametrize("fraction", [0.0, 0.999999])
def test_the_smallest_and_the_largest_draw_are_ids_of_one_length(fraction: float) -> None:
    upload = create_upload("acme", now=NOW, peppers=PEPPERS, random_below=FixedRandomBelow(fraction))
    assert len(upload.id) == len("upl_") + 22 + 7 + 22
    assert read_upload_id(upload.id, "acme", PEPPERS) == upload

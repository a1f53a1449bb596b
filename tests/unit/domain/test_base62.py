"""Numbers as digits and letters, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.domain.base62 import from_base62, to_base62


@given(st.integers(0, 62**22 - 1))
def test_a_number_that_fits_is_read_back(number: int) -> None:
    text = to_base62(number, 22)
    assert (len(text), text.isascii(), text.isalnum()) == (22, True, True)
    assert from_base62(text) == number


@given(st.text(st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), min_size=1))
def test_a_text_that_is_read_is_written_again(text: str) -> None:
    assert to_base62(from_base62(text), len(text)) == text


@given(st.integers(0, 62**5), st.integers(0, 62**5))
def test_texts_of_one_length_are_ordered_as_their_numbers(left: int, right: int) -> None:
    assert (to_base62(left, 6) < to_base62(right, 6)) is (left < right)


@pytest.mark.parametrize(
    ("number", "text"), [(0, "000"), (9, "009"), (10, "00A"), (36, "00a"), (61, "00z"), (62, "010")]
)
def test_digits_come_before_capitals_and_those_before_small_letters(number: int, text: str) -> None:
    assert to_base62(number, 3) == text


@pytest.mark.parametrize("text", ["-", "0-", " 0", "é", "²", "_", "0\n"], ids=ascii)
def test_another_character_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="substring not found"):
        from_base62(text)

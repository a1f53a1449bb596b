"""Tokens: what is sent, what is stored, and that only the right one matches."""

import hashlib
import hmac
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.access.base62 import from_base62, to_base62
from imagineart.access.tokens import (
    Peppers,
    StoredToken,
    Token,
    TokenKind,
    create_token,
    matches,
    parse_token,
)
from tests.fakes.randomness import repeatable_random_below

PEPPERS = Peppers("2", {"1": "old pepper", "2": "new pepper"})

tokens = st.builds(
    lambda kind, seed: create_token(kind, repeatable_random_below(seed)),
    st.sampled_from(TokenKind),
    st.integers(0, 2**64),
)


def stored(token: Token, *, version: str = "2", **times: int) -> StoredToken:
    digest = PEPPERS.digest(token.secret, version)
    return StoredToken(token.id, "acme", digest, version, created_at=1000, **times)


@given(tokens)
def test_a_created_token_is_parsed_back_from_its_text(token: Token) -> None:
    assert parse_token(token.text) == token


@given(tokens)
def test_a_token_looks_as_documented(token: Token) -> None:
    prefix, id_, secret_and_checksum = token.text.split("_")
    assert (prefix, id_, len(id_)) == ("iart", token.id, 16)
    assert secret_and_checksum[:43] == token.secret
    assert len(secret_and_checksum) == 49
    assert secret_and_checksum.isascii()
    assert secret_and_checksum.isalnum()


def test_the_text_of_a_token_never_changes() -> None:
    token = create_token(TokenKind.PARTNER, lambda limit: 0)
    assert token.text == f"iart_p000000000000000_{'0' * 43}11IS1c"


@given(tokens, st.data())
def test_any_changed_character_makes_a_token_malformed(token: Token, data: st.DataObject) -> None:
    text = token.text
    at = data.draw(st.integers(0, len(text) - 1))
    replacement = data.draw(
        (st.sampled_from("0123456789ABCXYZabcxyz_") | st.characters()).filter(lambda each: each != text[at])
    )
    assert parse_token(text[:at] + replacement + text[at + 1 :]) is None


@given(st.text())
def test_invented_text_is_no_token(text: str) -> None:
    assert parse_token(text) is None
    assert parse_token("iart_" + text) is None


@given(tokens)
def test_the_secret_is_never_in_the_representation(token: Token) -> None:
    for text in (repr(token), f"{token}", f"{[token]}"):
        assert token.secret not in text
        assert token.id in text


@given(tokens, st.sampled_from(["1", "2"]))
def test_a_token_matches_what_was_stored_of_it_under_any_known_pepper(token: Token, version: str) -> None:
    assert matches(token, stored(token, version=version), PEPPERS)


@given(tokens, tokens)
def test_another_secret_under_the_same_id_does_not_match(token: Token, other: Token) -> None:
    forged = Token(token.id, other.secret)
    assert matches(forged, stored(token), PEPPERS) is (other.secret == token.secret)


def test_the_digest_is_hmac_sha256_of_the_secret_under_the_pepper() -> None:
    assert PEPPERS.digest("secret", "1") == hmac.new(b"old pepper", b"secret", hashlib.sha256).hexdigest()


@pytest.mark.parametrize("keys", [{}, {"1": ""}], ids=["absent", "empty"])
def test_a_pepper_that_is_not_there_matches_nothing(keys: dict[str, str]) -> None:
    peppers = Peppers("1", keys)
    token = create_token(TokenKind.PARTNER, secrets.randbelow)
    unpeppered = hmac.new(b"", token.secret.encode(), hashlib.sha256).hexdigest()
    forged = StoredToken(token.id, "acme", unpeppered, "1", created_at=0)
    assert not matches(token, forged, peppers)


@pytest.mark.parametrize(
    ("times", "now", "live"),
    [({}, 10**12, True), ({"expires_at": 2000}, 1999, True), ({"expires_at": 2000}, 2000, False),
     ({"revoked_at": 1500}, 1500, False), ({"revoked_at": 1500, "expires_at": 9000}, 1600, False)],
)  # fmt: skip
def test_a_token_lives_until_it_expires_or_is_revoked(times: dict[str, int], now: int, live: bool) -> None:
    token = create_token(TokenKind.PARTNER, secrets.randbelow)
    assert stored(token, **times).is_live(now) is live


# Base 62


@given(st.integers(0, 62**22 - 1))
def test_a_number_that_fits_is_read_back_from_base_62(number: int) -> None:
    text = to_base62(number, 22)
    assert (len(text), text.isascii(), text.isalnum()) == (22, True, True)
    assert from_base62(text) == number


@pytest.mark.parametrize(
    ("number", "text"), [(0, "000"), (9, "009"), (10, "00A"), (36, "00a"), (61, "00z"), (62, "010")]
)
def test_digits_come_before_capitals_and_those_before_small_letters(number: int, text: str) -> None:
    assert to_base62(number, 3) == text


@pytest.mark.parametrize("text", ["-", "0-", " 0", "é", "²", "_", "0\n"], ids=ascii)
def test_another_character_is_no_digit(text: str) -> None:
    with pytest.raises(ValueError, match="substring not found"):
        from_base62(text)

"""Keys, and what makes two requests the same."""

import pytest

from imagineart.errors import InvalidRequestError
from imagineart.idempotency.model import check_idempotency_key, fingerprint, record_id

FIELDS = {"prompt": "a fox", "seed": "7"}
PATH = "/v1/images/edits"
KEY = "order-4711"


@pytest.mark.parametrize("key", ["k", "0f8fad5b-d9cb-469f-a165-70867728950e", '"quoted"', "a b", "~" * 255])
def test_up_to_255_visible_characters_are_a_key(key: str) -> None:
    check_idempotency_key(key)


@pytest.mark.parametrize(
    "key", ["", " ", " k", "k ", "~" * 256, "\x7f", "k\n", "k\x00", "clé", "x" * 100_000]
)
def test_anything_else_is_refused_by_the_name_of_the_header_and_not_quoted(key: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check_idempotency_key(key)
    assert caught.value.message == (
        f"Idempotency-Key: got {len(key)} characters; allowed: 1 to 255 visible ASCII characters, such as "
        "a UUID."
    )


def test_a_key_belongs_to_its_consumer_and_is_not_stored_itself() -> None:
    ids = {record_id("acme", "key"), record_id("acme", "other"), record_id("emca", "key")}
    assert len(ids) == 3
    assert all(len(each) == 64 and "key" not in each for each in ids)


def test_the_same_meaning_has_the_same_fingerprint_whatever_the_order_of_its_fields() -> None:
    again = {"seed": "7", "prompt": "a fox"}
    assert fingerprint(KEY, PATH, FIELDS, [b"x"], "image") == fingerprint(KEY, PATH, again, [b"x"], "image")


@pytest.mark.parametrize(
    "other",
    [
        ("/v1/images/generations", FIELDS, [b"x", "upl_1"], "image"),
        (PATH, FIELDS | {"seed": "8"}, [b"x", "upl_1"], "image"),
        (PATH, FIELDS | {"resolution": "2K"}, [b"x", "upl_1"], "image"),
        (PATH, {"prompt": "a fox"}, [b"x", "upl_1"], "image"),
        (PATH, FIELDS, [b"y", "upl_1"], "image"),
        (PATH, FIELDS, ["upl_1", b"x"], "image"),
        (PATH, FIELDS, [b"x"], "image"),
        (PATH, FIELDS, [b"x", b"upl_1"], "image"),
        (PATH, FIELDS, [b"x", "upl_1"], "json"),
    ],
)
def test_another_meaning_has_another_fingerprint(other: tuple) -> None:
    assert fingerprint(KEY, PATH, FIELDS, [b"x", "upl_1"], "image") != fingerprint(KEY, *other)


def test_nobody_without_the_key_can_try_which_request_it_was() -> None:
    assert fingerprint(KEY, PATH, FIELDS, [], "image") != fingerprint("another", PATH, FIELDS, [], "image")

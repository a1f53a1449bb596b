"""When attempts are due, and what signs them."""

import base64
import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.webhooks.model import (
    DELAYS_SECONDS,
    MAX_RETRY_AFTER_SECONDS,
    new_webhook,
    next_attempt_at,
    sweep_at,
)
from imagineart.webhooks.signing import hkdf_sha256, secret_text, signed_headers
from tests.fakes.randomness import FixedRandomBelow

NOW = 1_800_000_000
WEBHOOK = new_webhook("acme", event_id="e", type="job.failed", body="{}", url="https://a.example/", now=NOW)


def next_at(tries: int, retry_after: str | None = None, *, fraction: float = 0.0) -> int | None:
    return next_attempt_at(
        replace(WEBHOOK, tries=tries), NOW, retry_after=retry_after, random_below=FixedRandomBelow(fraction)
    )


def test_attempts_are_spread_by_up_to_a_tenth_and_end() -> None:
    assert [next_at(tries) for tries in range(1, 8)] == [
        *(NOW + delay for delay in DELAYS_SECONDS[1:]), None,
    ]  # fmt: skip
    assert next_at(3, fraction=0.999) == NOW + 1800 + 180


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 5), ("", 5), ("4", 5), ("60", 60), (" 60 ", 60), ("-60", 5), ("1.5", 5), ("٦٠", 5), ("1e9", 5),
        ("86401", MAX_RETRY_AFTER_SECONDS), ("9" * 5000, MAX_RETRY_AFTER_SECONDS),
        ("Fri, 15 Jan 2027 09:00:00 GMT", 3600), ("Fri, 15 Jan 2027 09:00:00", 3600),
        ("Fri, 15 Jan 2021 09:00:00 GMT", 5), ("Fri, 15 Jan 2099 09:00:00 GMT", MAX_RETRY_AFTER_SECONDS),
        ("Fri, 99 Foo 2027 99:99:99 GMT", 5), ("Fri, 31 Dec 9999 23:59:59 -2300", MAX_RETRY_AFTER_SECONDS),
    ],
)  # fmt: skip
def test_a_later_time_of_the_receiver_is_kept_up_to_a_day(value: str | None, seconds: int) -> None:
    assert next_at(1, value) == NOW + seconds


@given(st.text(max_size=60))
def test_no_retry_after_breaks_an_attempt(value: str) -> None:
    due_at = next_at(1, value)
    assert due_at is not None
    assert NOW + 5 <= due_at <= NOW + MAX_RETRY_AFTER_SECONDS


def test_the_sweeper_leaves_what_sqs_delays_to_sqs_for_a_minute() -> None:
    assert sweep_at(NOW + 900, NOW) == NOW + 960
    assert sweep_at(NOW + 901, NOW) == NOW + 901


def test_neither_url_nor_body_is_in_a_representation() -> None:
    assert "a.example" not in repr(WEBHOOK)
    assert "timestamp" not in repr(WEBHOOK)


def test_secrets_are_derived_by_hkdf() -> None:
    """RFC 5869, A.3: the first 32 of its 42 bytes."""
    derived = hkdf_sha256(bytes.fromhex("0b" * 22), b"")
    assert derived.hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"


def test_a_webhook_is_signed_by_standard_webhooks() -> None:
    secrets = [b"a" * 32, b"b" * 32]
    headers = signed_headers("wh_1", "{}", secrets, NOW + 0.9)
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("wh_1", str(NOW))
    expected = [hmac.digest(each, f"wh_1.{NOW}.{{}}".encode(), hashlib.sha256) for each in secrets]
    assert headers["webhook-signature"] == " ".join(
        f"v1,{base64.b64encode(each).decode()}" for each in expected
    )
    assert secret_text(b"a" * 32) == "whsec_" + base64.b64encode(b"a" * 32).decode()

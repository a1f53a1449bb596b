import base64
import json
import random
import time
from dataclasses import replace
from typing import Any

import pytest
from imagineart.domain.catalogue import CATALOGUE
from imagineart.domain.sizes import Size

from load.answers import ReceivedAnswer, judge
from load.orders import ExpectedPictures, Order, generation, mistake, models
from load.pictures import picture_parts
from load.stamps import Stamp, digest_of_prompt, digest_of_references

SIZE = Size(64, 40)
EXPECTED = ExpectedPictures("a fox", SIZE, seed=5, marks=(b"mark",))
PLAIN = Order("generation 1K", "POST", "/v1/images/generations", "text-to-image", pictures=EXPECTED)
PAIR = replace(PLAIN, pictures=replace(EXPECTED, count=2), is_json=True)


def headers(**changes: str) -> dict[str, str]:
    told = {
        "x_request_id": "r1",
        "x_ratelimit_resource": "requests_per_minute",
        "x_ratelimit_limit": "6000",
        "x_ratelimit_remaining": "5999",
        "x_ratelimit_reset": str(int(time.time()) + 30),
        "x_seed": "5",
        "x_image_width": "64",
        "x_image_height": "40",
        **changes,
    }
    return {name.replace("_", "-"): value for name, value in told.items()}


def picture(prompt: str = "a fox", mark: bytes = b"mark", seed: int = 5, serial: int = 1) -> bytes:
    stamp = Stamp(digest_of_prompt(prompt), digest_of_references([mark]), seed, serial)
    return b"".join(picture_parts(SIZE, stamp))


def answer(body: bytes, status: int = 200, **changes: str) -> ReceivedAnswer:
    return ReceivedAnswer(status, headers(**changes), body)


def pair(*pictures: tuple[int, bytes]) -> bytes:
    data = [{"seed": seed, "b64_json": base64.b64encode(png).decode()} for seed, png in pictures]
    return json.dumps({"created": 1, "data": data}).encode()


def error(code: str, **changes: Any) -> bytes:
    return json.dumps({"error": {"code": code, "message": "Why.", "request_id": "r1", **changes}}).encode()


def problems(received: ReceivedAnswer, order: Order = PLAIN) -> str:
    return "; ".join(judge(received, order, requests_per_minute=6_000).problems)


def test_the_picture_that_was_ordered_is_right() -> None:
    verdict = judge(answer(picture()), PLAIN, requests_per_minute=6_000)
    assert (verdict.ending, verdict.serials, verdict.problems) == ("ok", (1,), ())


def test_a_replay_is_told_apart() -> None:
    verdict = judge(answer(picture(), idempotent_replayed="true"), PLAIN, requests_per_minute=6_000)
    assert (verdict.ending, verdict.problems) == ("replayed", ())


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (picture("another's"), "wrong picture: painted for the prompt"),
        (picture(mark=b"another"), "wrong picture: painted from other references"),
        (picture(seed=6), "wrong picture: painted with the seed 6"),
        (picture()[:-30], "not a picture as ordered"),
        (b"", "not a picture as ordered"),
    ],
)
def test_a_wrong_picture_is_found_out(body: bytes, complaint: str) -> None:
    assert complaint in problems(answer(body))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"x_request_id": ""}, "no X-Request-Id"),
        ({"x_seed": "7"}, "X-Seed is 7"),
        ({"x_image_width": "40"}, "the headers tell 40x40"),
        ({"x_ratelimit_limit": "10"}, "X-RateLimit-Limit is 10"),
        ({"x_ratelimit_remaining": "6001"}, "X-RateLimit-Remaining is 6001"),
        ({"x_ratelimit_reset": "0"}, "X-RateLimit-Reset is 0"),
        ({"x_ratelimit_reset": ""}, "limits not told"),
        ({"x_ratelimit_resource": "luck"}, "X-RateLimit-Resource is luck"),
    ],
)
def test_wrong_headers_are_found_out(changes: dict[str, str], complaint: str) -> None:
    assert complaint in problems(answer(picture(), **changes))


def test_two_pictures_come_with_the_next_seed_each() -> None:
    right = answer(pair((5, picture()), (6, picture(seed=6, serial=2))))
    verdict = judge(right, PAIR, requests_per_minute=6_000)
    assert (verdict.serials, verdict.problems) == ((1, 2), ())
    assert "seed 5 in place 1" in problems(answer(pair((5, picture()), (5, picture()))), PAIR)
    assert "1 pictures instead of 2" in problems(answer(pair((5, picture()))), PAIR)
    swapped = answer(pair((5, picture()), (6, picture("another's", seed=6))))
    assert "wrong picture" in problems(swapped, PAIR)
    assert "cannot be read" in problems(answer(b"{}"), PAIR)


@pytest.mark.parametrize(("code", "status"), [("model_error", 502), ("timeout", 504)])
def test_a_failure_of_the_backend_is_no_problem_in_itself(code: str, status: int) -> None:
    received = answer(error(code), status, x_should_retry="true")
    verdict = judge(received, PLAIN, requests_per_minute=6_000)
    assert (verdict.ending, verdict.problems) == (code, ())


@pytest.mark.parametrize(
    ("received", "complaint"),
    [
        (answer(error("internal_error"), 500, x_should_retry="true"), "refused with internal_error"),
        (answer(error("model_error"), 500, x_should_retry="true"), "came with status 500"),
        (answer(error("model_error"), 502), "no X-Should-Retry"),
        (answer(error("model_error", request_id="r2"), 502, x_should_retry="true"), "names the request r2"),
        (answer(error("model_error", message=""), 502, x_should_retry="true"), "no message"),
        (answer(error("rate_limited"), 429, x_should_retry="true"), "without Retry-After"),
        (answer(b'{"message":"Internal server error"}', 502), "without the error envelope"),
    ],
)
def test_a_failure_out_of_form_is_found_out(received: ReceivedAnswer, complaint: str) -> None:
    assert complaint in problems(received)


@pytest.mark.parametrize("order", [PLAIN, mistake(random.Random(1), "ann")], ids=["good", "mistaken"])
def test_only_a_crowd_may_find_no_slot(order: Order) -> None:
    changes = {"x_ratelimit_resource": "concurrent_requests", "x_ratelimit_limit": "2"}
    changes |= {"x_ratelimit_remaining": "0", "x_should_retry": "true", "retry_after": "2"}
    refused = answer(error("rate_limited"), 429, **changes)
    assert problems(refused, order) == "refused by the limit concurrent_requests"
    in_crowd = judge(refused, order, requests_per_minute=6_000, may_find_no_slot=True)
    assert (in_crowd.ending, in_crowd.problems) == ("rate_limited", ())
    by_the_day = answer(error("rate_limited"), 429, **{**changes, "x_ratelimit_resource": "images_per_day"})
    assert judge(by_the_day, order, requests_per_minute=6_000, may_find_no_slot=True).problems


def test_what_has_to_be_refused_is_a_problem_where_it_is_answered() -> None:
    order = mistake(random.Random(1), "ann")
    refused = answer(error("invalid_request"), 400, x_should_retry="false")
    assert problems(refused, order) == ""
    assert "instead of invalid_request" in problems(
        answer(error("model_error"), 502, x_should_retry="true"), order
    )
    own = answer(b"", **{"x_seed": "1"})
    assert "answered instead of refused" in problems(own, order)


def test_a_stranger_is_not_told_of_limits() -> None:
    stranger = replace(PLAIN, refused_as="invalid_token", pictures=None)
    bare = {"x-request-id": "r1", "x-should-retry": "false"}
    assert problems(ReceivedAnswer(401, bare, error("invalid_token")), stranger) == ""
    told = answer(error("invalid_token"), 401, x_should_retry="false")
    assert "limits told to a stranger" in problems(told, stranger)


def test_the_list_of_models_is_compared() -> None:
    order = models(random.Random(1), "ann")
    right = json.dumps({"data": [{"id": model.id} for model in CATALOGUE]}).encode()
    assert problems(answer(right), order) == ""
    assert "models [] instead of" in problems(answer(b'{"data": []}'), order)
    assert "no list of models" in problems(answer(b"[]"), order)


def test_orders_of_the_same_dice_are_the_same() -> None:
    assert generation(random.Random(3), "ann", "2K") == generation(random.Random(3), "ann", "2K")

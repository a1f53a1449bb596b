"""Whether an answer is what its request had to get: every promise that one answer can keep or break."""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from imagineart.domain.catalogue import CATALOGUE
from imagineart.domain.limit_status import LimitName
from imagineart.domain.limits import DAY_SECONDS
from imagineart.web.errors import STATUS_BY_CODE

from load.orders import ExpectedPictures, Order
from load.pictures import UnstampedPictureError, read_stamp
from load.stamps import Stamp

FAULT_CODES: Final = frozenset({"model_error", "rate_limited", "timeout"})
"""What a request may be refused with that is right in itself: the backend failed, or a limit was reached."""


@dataclass(frozen=True, slots=True)
class ReceivedAnswer:
    """An answer whose body came to its end; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer is, in the words of `journals.Answered`."""

    ending: str
    serials: tuple[int, ...]
    problems: tuple[str, ...]


def judge(
    answer: ReceivedAnswer, order: Order, *, requests_per_minute: int, may_find_no_slot: bool = False
) -> Verdict:
    """What an answer to `order` is, and everything that is wrong with it.

    `may_find_no_slot` tells that the caller's consumer makes more requests at a time than it may.
    """
    problems = list(_problems_of_headers(answer, requests_per_minute))
    if answer.status != 200:
        code, wrong = _read_envelope(answer)
        return Verdict(
            code, (), (*problems, *wrong, *_problems_of_refusal(answer, code, order, may_find_no_slot))
        )
    if order.refused_as is not None:
        problems.append(f"answered instead of refused with {order.refused_as}")
    serials: tuple[int, ...] = ()
    if order.pictures is None:
        problems += _problems_of_models(answer)
    else:
        serials, wrong = _check_pictures(answer, order, order.pictures)
        problems += wrong
    replayed = answer.headers.get("idempotent-replayed") == "true"
    return Verdict("replayed" if replayed else "ok", serials, tuple(problems))


def _problems_of_refusal(
    answer: ReceivedAnswer, code: str, order: Order, may_find_no_slot: bool
) -> Sequence[str]:
    resource = answer.headers.get("x-ratelimit-resource", LimitName.REQUESTS_PER_MINUTE)
    if code == "rate_limited" and resource != LimitName.REQUESTS_PER_MINUTE:
        # A limit comes first, whatever is wrong with the request beside.
        allowed = may_find_no_slot and resource == LimitName.CONCURRENT_REQUESTS
        return () if allowed else (f"refused by the limit {resource}",)
    if order.refused_as is not None:
        return () if code == order.refused_as else (f"refused with {code} instead of {order.refused_as}",)
    return () if code in FAULT_CODES else (f"refused with {code}",)


def _problems_of_headers(answer: ReceivedAnswer, requests_per_minute: int) -> Sequence[str]:
    problems = [] if answer.headers.get("x-request-id") else ["no X-Request-Id"]
    told = {name: answer.headers.get(f"x-ratelimit-{name}") for name in ("limit", "remaining", "reset")}
    if answer.status == STATUS_BY_CODE["invalid_token"]:
        return [*problems, *([f"limits told to a stranger: {told}"] if any(told.values()) else [])]
    try:
        limit, remaining, reset = (int(value or "") for value in told.values())
    except ValueError:
        return [*problems, f"limits not told: {told}"]
    resource = answer.headers.get("x-ratelimit-resource")
    if resource not in list(LimitName):
        problems.append(f"X-RateLimit-Resource is {resource}")
    if resource == LimitName.REQUESTS_PER_MINUTE and limit != requests_per_minute:
        problems.append(f"X-RateLimit-Limit is {limit} instead of {requests_per_minute}")
    if not 0 <= remaining <= limit:
        problems.append(f"X-RateLimit-Remaining is {remaining} of {limit}")
    if abs(reset - time.time()) > DAY_SECONDS:
        problems.append(f"X-RateLimit-Reset is {reset}")
    return problems


def _read_envelope(answer: ReceivedAnswer) -> tuple[str, list[str]]:
    """The code of an error, and what is wrong with its envelope."""
    try:
        error = json.loads(answer.body)["error"]
        code, told_id, message = str(error["code"]), error["request_id"], error["message"]
    except (ValueError, LookupError, TypeError):
        return "none", [f"{answer.status} without the error envelope: {answer.body[:80]!r}"]
    problems = []
    if STATUS_BY_CODE.get(code) != answer.status:
        problems.append(f"{code} came with status {answer.status}")
    if told_id != answer.headers.get("x-request-id"):
        problems.append(f"the envelope names the request {told_id}")
    if not message:
        problems.append("the envelope has no message")
    if answer.headers.get("x-should-retry") not in ("true", "false"):
        problems.append("no X-Should-Retry")
    if code == "rate_limited" and not answer.headers.get("retry-after", "").isdigit():
        problems.append("a 429 without Retry-After")
    return code, problems


def _problems_of_models(answer: ReceivedAnswer) -> Sequence[str]:
    try:
        told = [each["id"] for each in json.loads(answer.body)["data"]]
    except (ValueError, LookupError, TypeError):
        return [f"no list of models: {answer.body[:80]!r}"]
    known = [model.id for model in CATALOGUE]
    return [] if told == known else [f"models {told} instead of {known}"]


def _check_pictures(
    answer: ReceivedAnswer, order: Order, expected: ExpectedPictures
) -> tuple[tuple[int, ...], list[str]]:
    """The serials of the pictures in an answer, and what is wrong with them."""
    try:
        told_seed = int(answer.headers["x-seed"])
        pictures = _pictures_in(answer) if order.is_json else [(told_seed, answer.body)]
    except (ValueError, LookupError, TypeError) as error:
        return (), [f"an answer that cannot be read: {error!r}"]
    problems = []
    if len(pictures) != expected.count:
        problems.append(f"{len(pictures)} pictures instead of {expected.count}")
    if expected.seed is not None and told_seed != expected.seed:
        problems.append(f"X-Seed is {told_seed} instead of {expected.seed}")
    width, height = (answer.headers.get(f"x-image-{side}") for side in ("width", "height"))
    if f"{width}x{height}" != str(expected.size):
        problems.append(f"the headers tell {width}x{height} instead of {expected.size}")
    serials = []
    for position, (seed, png) in enumerate(pictures):
        try:
            stamp = read_stamp(png, expected.size)
        except UnstampedPictureError as error:
            problems.append(f"not a picture as ordered: {error}")
            continue
        serials.append(stamp.serial)
        if seed != told_seed + position:
            problems.append(f"seed {seed} in place {position} after {told_seed}")
        problems += _problems_of_stamp(stamp, expected, seed)
    return tuple(serials), problems


def _pictures_in(answer: ReceivedAnswer) -> list[tuple[int, bytes]]:
    document: dict[str, Any] = json.loads(answer.body)
    return [(int(each["seed"]), base64.b64decode(each["b64_json"])) for each in document["data"]]


def _problems_of_stamp(stamp: Stamp, expected: ExpectedPictures, seed: int) -> list[str]:
    problems = []
    if stamp.prompt != expected.prompt_digest:
        problems.append(f"wrong picture: painted for the prompt with digest {stamp.prompt.hex()}")
    if stamp.references != expected.references_digest:
        problems.append("wrong picture: painted from other references")
    if stamp.seed != seed:
        problems.append(f"wrong picture: painted with the seed {stamp.seed} instead of {seed}")
    return problems

"""Whether every side tells the same story: callers, load generator, backend, account, limits and log."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from imagineart.domain.limit_status import LimitName

from load.faults import REFUSED_UNTOUCHED, Fate
from load.journals import Answered, Painted, Sent

_SHOWN: Final = 5

_UNACCOUNTED: Final = frozenset({"missing_bearer_token", "invalid_token"})
"""Endings of requests of which nobody knows whose they are."""

_ENDING_AFTER: Final[Mapping[Fate, str]] = {
    Fate.SERVER_ERROR: "model_error",
    Fate.OVERLOADED: "model_error",
    Fate.AT_LIMIT: "rate_limited",
    Fate.CUT_OFF: "model_error",
    Fate.GARBAGE: "model_error",
    Fate.SILENT: "timeout",
    Fate.RESET: "model_error",
}
"""What a caller is told where this was the last that the backend did for it."""


class Promise(StrEnum):
    """What holds under load, one line of the report each."""

    NO_LOST_REQUEST = "every request that was sent ends in one answer"
    NO_WRONG_PICTURE = "every picture is its caller's own, whole and of the exact size"
    ANSWERS_IN_FORM = "every answer keeps the contract: status, envelope, limits, seed, replays byte for byte"
    EVERY_ENDING_EXPLAINED = "every ending follows from what the backend did for that prompt"
    PICTURES_DELIVERED_ONCE = "every picture reaches one request, unless a fault beside it made that fail"
    LOG_AGREES = "every request has an id of its own, and one line in the functions' log"
    ACCOUNT_AGREES = "the account counts each request and picture of each consumer, no more and no less"
    NO_SLOT_LEFT_TAKEN = "no slot is left taken, and the day counts the pictures that were delivered"
    GENERATOR_AGREES = "the load generator counts the same requests"
    NOTHING_FAILED_ASIDE = "nothing is reported aside: no traceback, no failure after an answer"
    MEMORY_IS_FLAT = "the memory of the stack is flat"


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that was not kept, and how."""

    promise: Promise
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What a consumer's limits hold when everything has ended."""

    consumer: str
    slots: int
    images_today: int


@dataclass(frozen=True, slots=True)
class Stories:
    """What each side tells.

    `account` has requests and images by consumer, model and outcome; `logged` the request ids of the
    functions' log, `generator_requests` what the load generator counted, and `aside` lines of the stack's
    output that nobody expects.
    """

    sent: Sequence[Sent]
    answered: Sequence[Answered]
    painted: Sequence[Painted]
    account: Mapping[tuple[str, str, str], tuple[int, int]]
    standings: Sequence[Standing]
    logged: Sequence[str]
    generator_requests: int
    aside: Sequence[str] = field(default_factory=tuple)


def reconcile(stories: Stories) -> list[Finding]:
    """Every difference that nothing explains."""
    return [
        *_lost(stories),
        *_wrong(stories),
        *_unexplained(stories),
        *_undelivered(stories),
        *_log_differences(stories),
        *_account_differences(stories),
        *_taken(stories),
        *_generator_differences(stories),
        *(Finding(Promise.NOTHING_FAILED_ASIDE, line) for line in stories.aside[:_SHOWN]),
    ]


def _lost(stories: Stories) -> Iterator[Finding]:
    endings = Counter(each.id for each in stories.answered)
    for each in stories.sent:
        if endings[each.id] != 1:
            times = endings[each.id]
            yield Finding(Promise.NO_LOST_REQUEST, f"{each.kind} of {each.caller} ended {times} times")
    for lost in stories.answered:
        if lost.ending == "lost":
            yield Finding(Promise.NO_LOST_REQUEST, f"{lost.id}: {'; '.join(lost.problems)}")
    for unsent in endings.keys() - {each.id for each in stories.sent}:
        yield Finding(Promise.NO_LOST_REQUEST, f"{unsent} was answered and never sent")


def _wrong(stories: Stories) -> Iterator[Finding]:
    for each in stories.answered:
        if each.ending == "lost":
            continue
        for problem in each.problems:
            of_picture = problem.startswith(("wrong picture", "not a picture"))
            promise = Promise.NO_WRONG_PICTURE if of_picture else Promise.ANSWERS_IN_FORM
            yield Finding(promise, f"{each.request_id}: {problem}")


def _unexplained(stories: Stories) -> Iterator[Finding]:
    done = _by_prompt(stories.painted)
    calls = _calls_by_prompt(stories)
    for prompt, pairs in calls.items():
        problem = explain(pairs, [each.fate for each in done.get(prompt, [])])
        if problem:
            yield Finding(Promise.EVERY_ENDING_EXPLAINED, f"{pairs[0][0].kind}: {problem}")
    for prompt in done.keys() - calls.keys():
        yield Finding(Promise.EVERY_ENDING_EXPLAINED, f"painted for a prompt that nobody sent: {prompt}")


def explain(pairs: Sequence[tuple[Sent, Answered]], fates: Sequence[Fate]) -> str | None:
    """What in the requests with one prompt does not follow from what the backend did; None if all does."""
    left = list(fates)
    for sent, answered in pairs:
        if answered.ending in ("replayed", "lost") or _was_refused_before(answered):
            continue
        last, painted = None, 0
        while left and painted < sent.pictures:
            last = left.pop(0)
            if last is Fate.PAINTED:
                painted += 1
            elif last not in REFUSED_UNTOUCHED:
                break
        expected = "ok" if painted == sent.pictures else _ENDING_AFTER.get(last) if last else None
        # What breaks off amid a stream cannot be told as an error any more.
        may_break = last is Fate.CUT_OFF and not sent.keyed
        if answered.ending != expected and not (may_break and answered.ending == "broken"):
            return f"it ended as {answered.ending} after {', '.join(fates) or 'nothing'}"
    return f"{', '.join(left)} for nobody" if left else None


def _was_refused_before(answered: Answered) -> bool:
    """Whether the request never came to the backend."""
    by_a_limit = answered.ending == "rate_limited" and answered.limit != LimitName.REQUESTS_PER_MINUTE
    return by_a_limit or answered.ending in _UNACCOUNTED or answered.ending == "invalid_request"


def _undelivered(stories: Stories) -> Iterator[Finding]:
    promise = Promise.PICTURES_DELIVERED_ONCE
    prompts = {each.serial: each.prompt for each in stories.painted if each.serial is not None}
    sent = {each.id: each for each in stories.sent}
    receivers: defaultdict[int, list[Answered]] = defaultdict(list)
    for each in stories.answered:
        for serial in each.serials:
            if each.ending != "replayed":
                receivers[serial].append(each)
            elif serial not in prompts:
                yield Finding(promise, f"a replay of the picture {serial}, which nobody painted")
    for serial, those in receivers.items():
        if len(those) > 1:
            yield Finding(promise, f"the picture {serial} reached {len(those)} requests")
        for each in those:
            if each.id in sent and prompts.get(serial) != sent[each.id].prompt:
                yield Finding(promise, f"the picture {serial} was painted for another request")
    failed = {
        sent[each.id].prompt
        for each in stories.answered
        if each.id in sent and each.ending not in ("ok", "replayed")
    }
    for serial in prompts.keys() - receivers.keys():
        if prompts[serial] not in failed:
            yield Finding(promise, f"the picture {serial} reached nobody")


def _log_differences(stories: Stories) -> Iterator[Finding]:
    told = Counter(each.request_id for each in stories.answered if each.request_id)
    logged = Counter(stories.logged)
    if told != logged:
        for request_id, times in list(((told - logged) + (logged - told)).items())[:_SHOWN]:
            where = f"{told[request_id]} answers and {logged[request_id]} lines in the log"
            yield Finding(Promise.LOG_AGREES, f"{request_id or 'no id'} ({times} too many): {where}")
    for request_id, times in told.items():
        if times > 1:
            yield Finding(Promise.LOG_AGREES, f"{request_id} was given to {times} requests")


def _account_differences(stories: Stories) -> Iterator[Finding]:
    sent = {each.id: each for each in stories.sent}
    counted: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for each in stories.answered:
        if each.ending in _UNACCOUNTED or each.ending == "lost" or each.id not in sent:
            continue
        request = sent[each.id]
        # The account knows what broke off by what went wrong: see `_ENDING_AFTER`.
        ending = "model_error" if each.ending == "broken" else each.ending
        row = counted[request.consumer, request.model, ending]
        row[0] += 1
        row[1] += request.pictures if ending == "ok" else 0
    for key in sorted(counted.keys() | stories.account.keys()):
        told, seen = stories.account.get(key, (0, 0)), tuple(counted.get(key, (0, 0)))
        if told != seen:
            yield Finding(
                Promise.ACCOUNT_AGREES,
                f"{', '.join(key)}: the account has {told[0]} requests with {told[1]} pictures, "
                f"the callers {seen[0]} with {seen[1]}",
            )


def _taken(stories: Stories) -> Iterator[Finding]:
    images: Counter[str] = Counter()
    for (consumer, _, _), (_, pictures) in stories.account.items():
        images[consumer] += pictures
    for each in stories.standings:
        if each.slots:
            yield Finding(Promise.NO_SLOT_LEFT_TAKEN, f"{each.consumer} has {each.slots} slots taken")
        if each.images_today != images[each.consumer]:
            yield Finding(
                Promise.NO_SLOT_LEFT_TAKEN,
                f"the days of {each.consumer} count {each.images_today} pictures, "
                f"its account {images[each.consumer]}",
            )


def _generator_differences(stories: Stories) -> Iterator[Finding]:
    if stories.generator_requests != len(stories.answered):
        yield Finding(
            Promise.GENERATOR_AGREES,
            f"it counted {stories.generator_requests} requests, the callers {len(stories.answered)}",
        )


def _by_prompt(painted: Iterable[Painted]) -> dict[str, list[Painted]]:
    grouped: dict[str, list[Painted]] = {}
    for each in painted:
        grouped.setdefault(each.prompt, []).append(each)
    return grouped


def _calls_by_prompt(stories: Stories) -> dict[str, list[tuple[Sent, Answered]]]:
    """Requests for pictures that have ended, in the order in which they were sent."""
    endings = {each.id: each for each in stories.answered}
    grouped: dict[str, list[tuple[Sent, Answered]]] = {}
    for each in stories.sent:
        if each.prompt and each.id in endings:
            grouped.setdefault(each.prompt, []).append((each, endings[each.id]))
    return grouped

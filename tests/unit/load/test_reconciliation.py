from collections.abc import Sequence
from dataclasses import replace

import pytest

from load.faults import Fate
from load.journals import Painted
from load.reconciliation import Promise, Standing, Stories, explain, reconcile
from tests.sample_stories import AGREED, ANSWERED, PAINTED, SENT


def broken_promises(stories: Stories) -> set[Promise]:
    return {finding.promise for finding in reconcile(stories)}


def with_answer(number: int, **changes: object) -> Stories:
    """The agreed stories, but for one answer."""
    answered = [replace(each, **changes) if each.id == str(number) else each for each in ANSWERED]
    return replace(AGREED, answered=answered)


def test_stories_that_agree_break_no_promise() -> None:
    assert reconcile(AGREED) == []


def test_a_request_without_an_end_is_lost() -> None:
    assert Promise.NO_LOST_REQUEST in broken_promises(replace(AGREED, answered=ANSWERED[1:]))


def test_a_request_that_ended_twice_is_told() -> None:
    assert Promise.NO_LOST_REQUEST in broken_promises(replace(AGREED, answered=[*ANSWERED, ANSWERED[2]]))


def test_a_request_that_nobody_answered_is_lost() -> None:
    lost = with_answer(3, ending="lost", status=0, request_id="", problems=["no answer: timed out"])
    assert Promise.NO_LOST_REQUEST in broken_promises(lost)


def test_a_wrong_picture_is_told() -> None:
    wrong = with_answer(1, problems=["wrong picture: painted for the prompt with digest 00"])
    assert broken_promises(wrong) == {Promise.NO_WRONG_PICTURE}


def test_any_other_problem_of_an_answer_is_told() -> None:
    assert broken_promises(with_answer(1, problems=["no X-Request-Id"])) == {Promise.ANSWERS_IN_FORM}


def test_a_picture_that_two_requests_got_is_told() -> None:
    assert Promise.PICTURES_DELIVERED_ONCE in broken_promises(with_answer(2, serials=[2, 1]))


def test_a_picture_that_was_painted_for_another_is_told() -> None:
    painted = [replace(PAINTED[0], serial=2), *PAINTED[1:2], replace(PAINTED[2], serial=1), *PAINTED[3:]]
    assert Promise.PICTURES_DELIVERED_ONCE in broken_promises(replace(AGREED, painted=painted))


def test_a_picture_that_reached_nobody_is_told() -> None:
    painted = [*PAINTED, Painted(7, "p1", Fate.PAINTED, 5)]
    broken = broken_promises(replace(AGREED, painted=painted))
    assert broken == {Promise.PICTURES_DELIVERED_ONCE, Promise.EVERY_ENDING_EXPLAINED}


def test_a_replay_of_another_picture_is_told() -> None:
    assert Promise.PICTURES_DELIVERED_ONCE in broken_promises(with_answer(7, serials=[99]))


def test_a_failure_without_a_fault_is_told() -> None:
    assert Promise.EVERY_ENDING_EXPLAINED in broken_promises(with_answer(1, ending="model_error", serials=[]))


def test_a_request_that_the_account_lacks_is_told() -> None:
    account = {key: value for key, value in AGREED.account.items() if key[1] != "models"}
    assert broken_promises(replace(AGREED, account=account)) == {Promise.ACCOUNT_AGREES}


def test_a_picture_that_the_account_has_too_many_is_told() -> None:
    account = {**AGREED.account, ("bob", "text-to-image", "replayed"): (1, 1)}
    broken = broken_promises(replace(AGREED, account=account))
    assert broken == {Promise.ACCOUNT_AGREES, Promise.NO_SLOT_LEFT_TAKEN}


def test_a_consumer_that_only_the_account_knows_is_told() -> None:
    account = {**AGREED.account, ("eve", "text-to-image", "ok"): (1, 1)}
    assert broken_promises(replace(AGREED, account=account)) == {Promise.ACCOUNT_AGREES}


@pytest.mark.parametrize("standing", [Standing("bob", 1, 3), Standing("bob", 0, 4)])
def test_a_slot_left_taken_and_a_day_miscounted_are_told(standing: Standing) -> None:
    standings = [AGREED.standings[0], standing]
    assert broken_promises(replace(AGREED, standings=standings)) == {Promise.NO_SLOT_LEFT_TAKEN}


@pytest.mark.parametrize(
    "logged",
    [AGREED.logged[1:], [*AGREED.logged, "r8"], [*AGREED.logged, "r1"], ["r2", *AGREED.logged[1:]]],
)
def test_a_log_that_differs_is_told(logged: Sequence[str]) -> None:
    assert broken_promises(replace(AGREED, logged=logged)) == {Promise.LOG_AGREES}


def test_one_request_id_for_two_answers_is_told() -> None:
    twice = replace(with_answer(2, request_id="r1"), logged=["r1", "r1", "r3", "r4", "r5", "r6", "r7"])
    assert broken_promises(twice) == {Promise.LOG_AGREES}


def test_a_generator_that_counts_otherwise_is_told() -> None:
    assert broken_promises(replace(AGREED, generator_requests=6)) == {Promise.GENERATOR_AGREES}


def test_what_is_said_aside_is_told() -> None:
    assert broken_promises(replace(AGREED, aside=["Traceback"])) == {Promise.NOTHING_FAILED_ASIDE}


@pytest.mark.parametrize(
    ("ending", "fates"),
    [
        ("ok", [Fate.PAINTED]),
        ("ok", [Fate.AT_LIMIT, Fate.OVERLOADED, Fate.PAINTED]),
        ("model_error", [Fate.SERVER_ERROR]),
        ("model_error", [Fate.GARBAGE]),
        ("model_error", [Fate.RESET]),
        ("model_error", [Fate.OVERLOADED]),
        ("rate_limited", [Fate.OVERLOADED, Fate.AT_LIMIT]),
        ("timeout", [Fate.SILENT]),
        ("model_error", [Fate.CUT_OFF]),
        ("broken", [Fate.CUT_OFF]),
    ],
)
def test_endings_that_follow_from_what_the_backend_did(ending: str, fates: list[Fate]) -> None:
    assert explain([(SENT[0], replace(ANSWERED[0], ending=ending))], fates) is None


@pytest.mark.parametrize(
    ("ending", "fates"),
    [
        ("ok", []),
        ("ok", [Fate.GARBAGE]),
        ("ok", [Fate.PAINTED, Fate.PAINTED]),
        ("ok", [Fate.SERVER_ERROR, Fate.PAINTED]),
        ("broken", [Fate.PAINTED]),
        ("model_error", [Fate.PAINTED]),
        ("timeout", [Fate.GARBAGE]),
        ("rate_limited", [Fate.OVERLOADED]),
        ("internal_error", [Fate.SERVER_ERROR]),
    ],
)
def test_endings_that_do_not_follow(ending: str, fates: list[Fate]) -> None:
    assert explain([(SENT[0], replace(ANSWERED[0], ending=ending))], fates) is not None


def test_a_pair_needs_two_pictures() -> None:
    pair = [(SENT[1], replace(ANSWERED[1], ending="ok"))]
    assert explain(pair, [Fate.PAINTED, Fate.PAINTED]) is None
    assert explain(pair, [Fate.PAINTED]) is not None
    failed = [(SENT[1], replace(ANSWERED[1], ending="model_error"))]
    assert explain(failed, [Fate.PAINTED, Fate.SERVER_ERROR]) is None


def test_a_keyed_request_fails_whole_and_its_retry_paints_anew() -> None:
    first, second = replace(ANSWERED[5], ending="model_error"), replace(ANSWERED[6], ending="ok")
    calls = [(SENT[5], first), (SENT[6], second)]
    assert explain(calls, [Fate.CUT_OFF, Fate.PAINTED]) is None
    broken = [(SENT[5], replace(first, ending="broken")), (SENT[6], second)]
    assert explain(broken, [Fate.CUT_OFF, Fate.PAINTED]) is not None


def test_a_request_that_a_limit_refused_never_came_to_the_backend() -> None:
    refused = replace(ANSWERED[0], ending="rate_limited", limit="concurrent_requests")
    assert explain([(SENT[0], refused)], []) is None
    assert explain([(SENT[0], refused)], [Fate.PAINTED]) is not None

"""Once a day somebody looks which tokens want care."""

import pytest

from imagineart.domain.errors import InternalError
from imagineart.domain.observations import TokenCensus
from imagineart.domain.tokens import ROTATION_DAYS, Token, TokenKind
from imagineart.use_cases.review_tokens import ENDING_DAYS, ReviewTokens, TokenReview
from tests.fakes.metrics import RecordedMetrics
from tests.fakes.operator_desk import OperatorDesk

DAY = 86_400


class Reviewer:
    """Reviews the tokens of a desk."""

    def __init__(self) -> None:
        self.desk = OperatorDesk()
        self.metrics = RecordedMetrics()
        self.told: list[TokenReview] = []

    def review(self) -> TokenReview:
        stores = list(self.desk.stores.values())
        return ReviewTokens(stores, self.metrics, self.told.append, self.desk.clock)()

    def wait(self, *, days: float) -> None:
        self.desk.clock.advance(days * DAY)


@pytest.fixture
def reviewer() -> Reviewer:
    return Reviewer()


def ids(*tokens: Token) -> tuple[str, ...]:
    return tuple(sorted(token.id for token in tokens))


def test_a_young_token_wants_nothing(reviewer: Reviewer) -> None:
    reviewer.desk.issue()
    reviewer.wait(days=ROTATION_DAYS - 1)
    assert reviewer.review() == TokenReview(live=1, due=(), ending=())


def test_tokens_of_every_store_are_due_after_ninety_days(reviewer: Reviewer) -> None:
    tokens = [reviewer.desk.issue(kind=kind) for kind in TokenKind]
    reviewer.wait(days=ROTATION_DAYS)
    assert reviewer.review() == TokenReview(live=2, due=ids(*tokens), ending=())


def test_a_token_that_was_rotated_is_due_no_more(reviewer: Reviewer) -> None:
    old = reviewer.desk.issue()
    reviewer.wait(days=ROTATION_DAYS)
    reviewer.desk.manage_tokens.rotate(old.id, overlap_days=7, life_days=None)
    assert reviewer.review() == TokenReview(live=2, due=(), ending=ids(old))


def test_a_token_that_ends_by_itself_is_told_two_weeks_before(reviewer: Reviewer) -> None:
    token = reviewer.desk.issue(life_days=30)
    reviewer.wait(days=30 - ENDING_DAYS - 1)
    assert reviewer.review().ending == ()
    reviewer.wait(days=1)
    assert reviewer.review().ending == ids(token)


def test_what_has_ended_is_not_looked_at(reviewer: Reviewer) -> None:
    expired, revoked = reviewer.desk.issue(life_days=1), reviewer.desk.issue()
    reviewer.desk.manage_tokens.revoke(revoked.id)
    reviewer.wait(days=ROTATION_DAYS)
    assert expired.id != revoked.id
    assert reviewer.review() == TokenReview(live=0, due=(), ending=())


def test_the_review_is_told_and_counted(reviewer: Reviewer) -> None:
    reviewer.desk.issue(), reviewer.desk.issue(life_days=3)
    reviewer.wait(days=1)
    review = reviewer.review()
    assert reviewer.told == [review]
    assert reviewer.metrics.censuses == [TokenCensus(live=2, due=0, ending=1)]


def test_a_store_that_cannot_be_read_counts_nothing(reviewer: Reviewer) -> None:
    reviewer.desk.issue()
    reviewer.desk.stores[TokenKind.INTERNAL].unreadable = True
    with pytest.raises(InternalError):
        reviewer.review()
    assert (reviewer.told, reviewer.metrics.censuses) == ([], [])

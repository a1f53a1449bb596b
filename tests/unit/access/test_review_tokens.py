"""Tokens that are due for rotation or end soon are found."""

import pytest

from imagineart.access.review_tokens import ENDING_DAYS, TokenReview, review_tokens
from imagineart.access.tokens import ROTATION_DAYS, Token, TokenKind
from imagineart.errors import InternalError
from tests.fakes.operator_services import OperatorInMemory

DAY = 86_400


@pytest.fixture
def operator() -> OperatorInMemory:
    return OperatorInMemory()


def review(operator: OperatorInMemory, *, after_days: float = 0) -> TokenReview:
    operator.clock.advance(after_days * DAY)
    return review_tokens(list(operator.stores.values()), now=int(operator.clock()))


def ids(*tokens: Token) -> tuple[str, ...]:
    return tuple(sorted(token.id for token in tokens))


def test_tokens_of_every_store_are_due_after_ninety_days(operator: OperatorInMemory) -> None:
    tokens = [operator.issue(kind=kind) for kind in TokenKind]
    assert review(operator, after_days=ROTATION_DAYS - 1) == TokenReview(live=2, due=(), ending=())
    assert review(operator, after_days=1) == TokenReview(live=2, due=ids(*tokens), ending=())


def test_a_rotated_token_is_not_due(operator: OperatorInMemory) -> None:
    old = operator.issue()
    operator.clock.advance(ROTATION_DAYS * DAY)
    operator.manage_tokens.rotate(old.id, overlap_days=7, life_days=None)
    assert review(operator) == TokenReview(live=2, due=(), ending=ids(old))


def test_a_token_that_expires_is_reported_two_weeks_before(operator: OperatorInMemory) -> None:
    token = operator.issue(life_days=30)
    assert review(operator, after_days=30 - ENDING_DAYS - 1).ending == ()
    assert review(operator, after_days=1).ending == ids(token)


def test_tokens_that_have_ended_are_left_out(operator: OperatorInMemory) -> None:
    operator.issue(life_days=1)
    operator.manage_tokens.revoke(operator.issue().id)
    assert review(operator, after_days=ROTATION_DAYS) == TokenReview(live=0, due=(), ending=())


def test_a_store_that_cannot_be_read_fails_the_review(operator: OperatorInMemory) -> None:
    operator.stores[TokenKind.INTERNAL].unreadable = True
    with pytest.raises(InternalError):
        review(operator)

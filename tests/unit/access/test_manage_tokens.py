"""The operator issues, lists, rotates, expires and revokes tokens."""

import pytest

from imagineart.access.manage_consumers import ConsumerChange
from imagineart.access.manage_tokens import TokenState
from imagineart.access.tokens import ALL_SCOPES, Scope, TokenKind
from imagineart.errors import InternalError, InvalidTokenError, NotFoundError
from tests.fakes.operator_services import OperatorInMemory

DAY = 86_400

each_kind = pytest.mark.parametrize("kind", TokenKind)


@pytest.fixture
def operator() -> OperatorInMemory:
    return OperatorInMemory()


def is_refused(operator: OperatorInMemory, token) -> bool:
    try:
        operator.authenticate(token)
    except InvalidTokenError:
        return True
    return False


@each_kind
def test_an_issued_token_is_stored_under_its_kind_without_its_secret_and_authenticates(
    operator: OperatorInMemory, kind: TokenKind
) -> None:
    token, stored = operator.manage_tokens.issue("acme", kind, life_days=None)
    assert operator.stores[kind].tokens == {token.id: stored}
    assert token.secret not in repr(stored)
    assert (stored.scopes, stored.expires_at, stored.created_at) == (ALL_SCOPES, None, int(operator.clock()))
    caller = operator.authenticate(token)
    assert (caller.consumer_id, caller.token_id) == ("acme", token.id)


def test_tokens_are_made_under_the_current_pepper(operator: OperatorInMemory) -> None:
    operator.rotate_peppers.rotate()
    token, stored = operator.manage_tokens.issue("acme", TokenKind.PARTNER, life_days=None)
    assert stored.pepper_version == "2"
    assert stored.digest == operator.peppers.read().digest(token.secret, "2")


def test_a_token_is_live_then_due_then_expired(operator: OperatorInMemory) -> None:
    token = operator.issue(life_days=100)
    states = []
    for days in (0, 90, 10):
        operator.clock.advance(days * DAY)
        states.append(operator.manage_tokens.state_of(operator.manage_tokens.find(token.id)))
    assert states == [TokenState.LIVE, TokenState.DUE, TokenState.EXPIRED]


# Rotation


@each_kind
def test_a_rotated_token_overlaps_with_the_new_one_and_ends(
    operator: OperatorInMemory, kind: TokenKind
) -> None:
    scopes = frozenset({Scope.READ_MODELS, Scope.EDIT_IMAGES})
    old = operator.issue(kind=kind, scopes=scopes)
    rotation = operator.manage_tokens.rotate(old.id, overlap_days=7, life_days=30)
    new, stored = rotation.token, rotation.stored
    assert (stored.consumer_id, stored.scopes, stored.id[0]) == ("acme", scopes, kind)
    assert stored.expires_at == int(operator.clock()) + 30 * DAY
    assert operator.manage_tokens.find(old.id) == rotation.replaced
    assert operator.manage_tokens.find(new.id) == stored
    operator.clock.advance(7 * DAY - 1)
    assert {operator.authenticate(token).consumer_id for token in (old, new)} == {"acme"}
    operator.clock.advance(1)
    assert operator.authenticate(new)
    assert is_refused(operator, old)


def test_a_rotation_that_fails_midway_leaves_no_live_token_that_the_operator_has_not_seen(
    operator: OperatorInMemory,
) -> None:
    old = operator.issue()
    operator.stores[TokenKind.PARTNER].unwritable = True
    with pytest.raises(InternalError):
        operator.manage_tokens.rotate(old.id, overlap_days=7, life_days=None)
    tokens = operator.manage_tokens
    assert [each.id for each in tokens.list() if tokens.state_of(each) is TokenState.LIVE] == [old.id]


# Ends


@each_kind
def test_a_revoked_token_stays_listed_with_the_first_time_of_its_revocation(
    operator: OperatorInMemory, kind: TokenKind
) -> None:
    for other in set(TokenKind) - {kind}:
        operator.stores[other].unreadable = True
    token = operator.issue(kind=kind)
    first = operator.manage_tokens.revoke(token.id)
    assert first.revoked_at == int(operator.clock())
    operator.clock.advance(100)
    assert operator.manage_tokens.revoke(token.id) == first
    assert operator.stores[kind].list_tokens() == [first]


def test_every_token_of_a_consumer_is_revoked_at_once_also_where_the_consumer_is_gone(
    operator: OperatorInMemory,
) -> None:
    operator.manage_consumers.create("other", ConsumerChange())
    assert operator.manage_tokens.revoke_all("other") == ()
    tokens = [operator.issue(kind=kind) for kind in TokenKind]
    others = operator.issue("other")
    operator.manage_tokens.revoke(operator.issue().id)
    operator.consumers.consumers.clear()
    assert {token.id for token in operator.manage_tokens.revoke_all("acme")} == {token.id for token in tokens}
    assert all(is_refused(operator, token) for token in tokens)
    assert operator.authenticate(others)
    with pytest.raises(NotFoundError):
        operator.manage_tokens.revoke_all("acne")


@each_kind
def test_tokens_that_can_be_read_are_revoked_before_it_is_reported_that_others_cannot(
    operator: OperatorInMemory, kind: TokenKind
) -> None:
    tokens = {each: operator.issue(kind=each) for each in TokenKind}
    operator.stores[kind].unreadable = True
    with pytest.raises(InternalError):
        operator.manage_tokens.revoke_all("acme")
    assert set(operator.marks.revoked) == {tokens[each].id for each in TokenKind if each is not kind}

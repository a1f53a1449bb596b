"""The operator carries tokens through their life."""

import pytest

from imagineart.domain.errors import InternalError, InvalidRequestError, InvalidTokenError
from imagineart.domain.operations import ALL_SCOPES, Scope
from imagineart.domain.tokens import TokenKind
from imagineart.use_cases.manage_consumers import ConsumerChange
from imagineart.use_cases.manage_tokens import TokenState
from imagineart.use_cases.not_found import NotFoundError
from tests.fakes.operator_desk import OperatorDesk

DAY = 86_400

each_kind = pytest.mark.parametrize("kind", TokenKind)


@pytest.fixture
def desk() -> OperatorDesk:
    return OperatorDesk()


@each_kind
def test_an_issued_token_lets_its_consumer_in(desk: OperatorDesk, kind: TokenKind) -> None:
    token = desk.issue(kind=kind)
    caller = desk.enter(token)
    assert (caller.consumer_id, caller.token_id) == ("acme", token.id)


@each_kind
def test_a_token_is_kept_in_the_store_of_its_kind(desk: OperatorDesk, kind: TokenKind) -> None:
    token, stored = desk.manage_tokens.issue("acme", kind, life_days=None)
    assert desk.stores[kind].tokens == {token.id: stored}
    assert sum(len(store.tokens) for store in desk.stores.values()) == 1


def test_the_secret_is_not_kept(desk: OperatorDesk) -> None:
    token, stored = desk.manage_tokens.issue("acme", TokenKind.PARTNER, life_days=None)
    assert token.secret not in repr(stored)


def test_tokens_are_made_under_the_current_pepper(desk: OperatorDesk) -> None:
    desk.rotate_peppers.rotate()
    token, stored = desk.manage_tokens.issue("acme", TokenKind.PARTNER, life_days=None)
    assert stored.pepper_version == "2"
    assert stored.digest == desk.peppers.read().digest(token.secret, "2")


@pytest.mark.parametrize("life_days", [1, 90, 3650])
def test_a_life_in_days_sets_the_expiry(desk: OperatorDesk, life_days: int) -> None:
    _, stored = desk.manage_tokens.issue("acme", TokenKind.PARTNER, life_days=life_days)
    now = int(desk.clock())
    assert (stored.created_at, stored.expires_at) == (now, now + life_days * DAY)


def test_without_a_life_a_token_does_not_expire(desk: OperatorDesk) -> None:
    assert desk.manage_tokens.issue("acme", TokenKind.PARTNER, life_days=None)[1].expires_at is None


@pytest.mark.parametrize("life_days", [0, -1, 3651, 10**30])
def test_a_life_out_of_bounds_is_refused_and_nothing_issued(desk: OperatorDesk, life_days: int) -> None:
    with pytest.raises(InvalidRequestError, match=r"^expires_in_days: got -?\d+; allowed is 1 to 3650"):
        desk.issue(life_days=life_days)
    assert desk.manage_tokens.list() == []


def test_a_token_does_only_what_its_scopes_say(desk: OperatorDesk) -> None:
    token = desk.issue(scopes=frozenset({Scope.READ_MODELS}))
    assert desk.enter(token).scopes == {Scope.READ_MODELS}


def test_a_token_without_a_scope_is_not_issued(desk: OperatorDesk) -> None:
    with pytest.raises(InvalidRequestError, match=r"^scopes: got none; allowed are one or more of images:"):
        desk.issue(scopes=frozenset())
    assert desk.manage_tokens.list() == []


def test_an_unregistered_consumer_gets_no_token(desk: OperatorDesk) -> None:
    with pytest.raises(NotFoundError, match=r"^consumer: got 'acne', which does not exist"):
        desk.issue("acne")
    assert desk.manage_tokens.list() == []


def test_tokens_of_every_kind_are_listed_oldest_first(desk: OperatorDesk) -> None:
    issued = []
    for kind in (TokenKind.INTERNAL, TokenKind.PARTNER, TokenKind.INTERNAL):
        issued.append(desk.issue(kind=kind).id)
        desk.clock.advance(1)
    assert [token.id for token in desk.manage_tokens.list()] == issued


def test_the_tokens_of_one_consumer_are_listed_alone(desk: OperatorDesk) -> None:
    register(desk, "other")
    desk.issue()
    others = desk.issue("other")
    assert [token.id for token in desk.manage_tokens.list(consumer_id="other")] == [others.id]


def test_a_consumer_without_tokens_has_an_empty_list_and_an_unknown_one_none(desk: OperatorDesk) -> None:
    assert desk.manage_tokens.list(consumer_id="acme") == []
    with pytest.raises(NotFoundError):
        desk.manage_tokens.list(consumer_id="acne")


def register(desk: OperatorDesk, consumer_id: str) -> None:
    desk.manage_consumers.create(consumer_id, ConsumerChange())


def test_a_token_is_live_then_due_then_expired(desk: OperatorDesk) -> None:
    token = desk.issue(life_days=100)
    seen = [state_of(desk, token.id)]
    for days in (90, 10):
        desk.clock.advance(days * DAY - 1)
        seen.append(state_of(desk, token.id))
        desk.clock.advance(1)
        seen.append(state_of(desk, token.id))
    assert seen == [
        TokenState.LIVE, TokenState.LIVE, TokenState.DUE, TokenState.DUE, TokenState.EXPIRED,
    ]  # fmt: skip


def state_of(desk: OperatorDesk, token_id: str) -> TokenState:
    return desk.manage_tokens.state_of(desk.manage_tokens.find(token_id))


@each_kind
def test_a_rotated_token_overlaps_with_the_new_one_and_ends(desk: OperatorDesk, kind: TokenKind) -> None:
    old = desk.issue(kind=kind, scopes=frozenset({Scope.READ_MODELS}))
    rotation = desk.manage_tokens.rotate(old.id, overlap_days=7, life_days=None)
    new = rotation.token
    desk.clock.advance(7 * DAY - 1)
    assert {desk.enter(token).consumer_id for token in (old, new)} == {"acme"}
    desk.clock.advance(1)
    assert desk.enter(new)
    with pytest.raises(InvalidTokenError):
        desk.enter(old)
    assert rotation.replaced == desk.manage_tokens.find(old.id)
    assert rotation.stored == desk.manage_tokens.find(new.id)


@each_kind
def test_the_new_token_is_of_the_same_consumer_scopes_and_kind(desk: OperatorDesk, kind: TokenKind) -> None:
    scopes = frozenset({Scope.READ_MODELS, Scope.EDIT_IMAGES})
    old = desk.issue(kind=kind, scopes=scopes)
    stored = desk.manage_tokens.rotate(old.id, overlap_days=7, life_days=30).stored
    assert (stored.consumer_id, stored.scopes, stored.id[0]) == ("acme", scopes, kind)
    assert stored.expires_at == int(desk.clock()) + 30 * DAY
    assert stored.id in desk.stores[kind].tokens


def test_without_an_overlap_the_old_token_is_revoked(desk: OperatorDesk) -> None:
    old = desk.issue()
    rotation = desk.manage_tokens.rotate(old.id, overlap_days=0, life_days=None)
    assert desk.enter(rotation.token)
    with pytest.raises(InvalidTokenError):
        desk.enter(old)
    assert rotation.replaced.revoked_at == int(desk.clock())


def test_an_overlap_does_not_lengthen_the_old_tokens_life(desk: OperatorDesk) -> None:
    old = desk.issue(life_days=3)
    ends_at = desk.manage_tokens.find(old.id).expires_at
    rotation = desk.manage_tokens.rotate(old.id, overlap_days=7, life_days=30)
    assert desk.manage_tokens.find(old.id).expires_at == rotation.replaced.expires_at == ends_at


def test_what_replaces_a_token_that_expires_must_not_live_for_ever_by_oversight(desk: OperatorDesk) -> None:
    old = desk.issue(life_days=3)
    with pytest.raises(InvalidRequestError, match=r"^expires_in_days: got none, .* expires on 2027-01-18"):
        desk.manage_tokens.rotate(old.id, overlap_days=7, life_days=None)
    assert [token.id for token in desk.manage_tokens.list()] == [old.id]


@pytest.mark.parametrize("overlap_days", [-1, 91, 10**30])
def test_an_overlap_out_of_bounds_is_refused_and_nothing_changed(
    desk: OperatorDesk, overlap_days: int
) -> None:
    old = desk.issue()
    before = desk.manage_tokens.list()
    with pytest.raises(InvalidRequestError, match=r"^overlap_days: got .*; allowed is 0 to 90"):
        desk.manage_tokens.rotate(old.id, overlap_days=overlap_days, life_days=None)
    assert desk.manage_tokens.list() == before


@pytest.mark.parametrize("overlap_days", [0, 7])
def test_what_has_ended_is_neither_rotated_nor_given_an_end(desk: OperatorDesk, overlap_days: int) -> None:
    expired, revoked = desk.issue(life_days=1), desk.issue()
    desk.manage_tokens.revoke(revoked.id)
    desk.clock.advance(DAY)
    before = desk.manage_tokens.list()
    for token, state in ((expired, "expired"), (revoked, "revoked")):
        with pytest.raises(InvalidRequestError, match=f"^token: got '{token.id}', which is {state} already"):
            desk.manage_tokens.rotate(token.id, overlap_days=overlap_days, life_days=1)
        with pytest.raises(InvalidRequestError, match="already"):
            desk.manage_tokens.expire(token.id, in_days=1)
    assert desk.manage_tokens.list() == before


@each_kind
def test_a_token_can_be_let_end_in_some_days(desk: OperatorDesk, kind: TokenKind) -> None:
    token = desk.issue(kind=kind)
    changed = desk.manage_tokens.expire(token.id, in_days=3)
    assert changed == desk.manage_tokens.find(token.id)
    desk.clock.advance(3 * DAY - 1)
    assert desk.enter(token)
    desk.clock.advance(1)
    with pytest.raises(InvalidTokenError):
        desk.enter(token)


def test_the_end_of_a_token_is_never_put_off(desk: OperatorDesk) -> None:
    token = desk.issue(life_days=3)
    with pytest.raises(InvalidRequestError, match=r"^in_days: got 4; the token ends sooner already, on "):
        desk.manage_tokens.expire(token.id, in_days=4)
    ends_at = desk.manage_tokens.expire(token.id, in_days=2).expires_at
    assert ends_at == int(desk.clock()) + 2 * DAY


@pytest.mark.parametrize("in_days", [0, -1, 3651, 10**30])
def test_an_end_out_of_bounds_is_refused_and_nothing_changed(desk: OperatorDesk, in_days: int) -> None:
    token = desk.issue()
    with pytest.raises(InvalidRequestError, match=r"^in_days: got .*; allowed is 1 to 3650"):
        desk.manage_tokens.expire(token.id, in_days=in_days)
    assert desk.manage_tokens.find(token.id).expires_at is None


@each_kind
def test_a_revoked_token_stays_listed_with_its_end(desk: OperatorDesk, kind: TokenKind) -> None:
    token = desk.issue(kind=kind)
    desk.clock.advance(60)
    revoked = desk.manage_tokens.revoke(token.id)
    assert desk.manage_tokens.list() == [revoked]
    assert revoked.revoked_at == int(desk.clock())


def test_revoking_twice_keeps_the_first_time(desk: OperatorDesk) -> None:
    token = desk.issue()
    first = desk.manage_tokens.revoke(token.id).revoked_at
    desk.clock.advance(100)
    assert desk.manage_tokens.revoke(token.id).revoked_at == first
    assert desk.manage_tokens.find(token.id).revoked_at == first


@pytest.mark.parametrize("token_id", ["p123", "", "*", "p000000000000000"])
def test_an_unknown_token_is_not_found_and_not_marked(desk: OperatorDesk, token_id: str) -> None:
    desk.issue()
    for act in (
        desk.manage_tokens.find,
        desk.manage_tokens.revoke,
        lambda unknown: desk.manage_tokens.expire(unknown, in_days=1),
        lambda unknown: desk.manage_tokens.rotate(unknown, overlap_days=0, life_days=None),
    ):
        with pytest.raises(NotFoundError, match=r"^token: got '.*', which does not exist"):
            act(token_id)
    assert desk.marks.revoked == {}


def test_every_token_of_a_consumer_can_be_revoked_at_once(desk: OperatorDesk) -> None:
    register(desk, "other")
    tokens = [desk.issue(kind=kind) for kind in TokenKind]
    others = desk.issue("other")
    ended = desk.manage_tokens.revoke(desk.issue().id)
    revoked = desk.manage_tokens.revoke_all("acme")
    assert {token.id for token in revoked} == {token.id for token in tokens}
    for token in tokens:
        with pytest.raises(InvalidTokenError):
            desk.enter(token)
    assert desk.enter(others)
    assert ended.id not in {token.id for token in revoked}


def test_tokens_whose_consumer_is_gone_can_be_revoked_still(desk: OperatorDesk) -> None:
    token = desk.issue()
    desk.consumers.consumers.clear()
    assert [revoked.id for revoked in desk.manage_tokens.revoke_all("acme")] == [token.id]


def test_the_tokens_of_an_unknown_consumer_cannot_be_revoked(desk: OperatorDesk) -> None:
    assert desk.manage_tokens.revoke_all("acme") == ()
    with pytest.raises(NotFoundError):
        desk.manage_tokens.revoke_all("acne")


def test_scopes_are_all_unless_they_are_named(desk: OperatorDesk) -> None:
    assert desk.manage_tokens.issue("acme", TokenKind.PARTNER, life_days=None)[1].scopes == ALL_SCOPES


# Where a store is unwell


@each_kind
def test_a_token_of_one_kind_can_be_revoked_where_the_other_kind_cannot_be_read(
    desk: OperatorDesk, kind: TokenKind
) -> None:
    token = desk.issue(kind=kind)
    for other in set(TokenKind) - {kind}:
        desk.stores[other].unreadable = True
    assert desk.manage_tokens.revoke(token.id).revoked_at is not None


@each_kind
def test_all_tokens_that_can_be_read_are_revoked_before_it_is_told_that_some_cannot(
    desk: OperatorDesk, kind: TokenKind
) -> None:
    tokens = {each: desk.issue(kind=each) for each in TokenKind}
    desk.stores[kind].unreadable = True
    with pytest.raises(InternalError):
        desk.manage_tokens.revoke_all("acme")
    assert set(desk.marks.revoked) == {tokens[each].id for each in TokenKind if each is not kind}


def test_a_rotation_that_fails_midway_leaves_no_token_that_nobody_has_seen(desk: OperatorDesk) -> None:
    old = desk.issue()
    desk.stores[TokenKind.PARTNER].unwritable = True
    with pytest.raises(InternalError):
        desk.manage_tokens.rotate(old.id, overlap_days=7, life_days=None)
    live = [
        each.id for each in desk.manage_tokens.list() if desk.manage_tokens.state_of(each) is TokenState.LIVE
    ]
    assert live == [old.id]


@pytest.mark.parametrize("token_id", ["", "x0000000000000000", "p", "P0000000000000000"])
def test_what_is_of_no_kind_is_not_found(desk: OperatorDesk, token_id: str) -> None:
    with pytest.raises(NotFoundError):
        desk.manage_tokens.find(token_id)

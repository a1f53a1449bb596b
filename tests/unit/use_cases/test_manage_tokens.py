"""The operator issues, lists and revokes tokens."""

from dataclasses import dataclass, field

import pytest

from imagineart.domain.consumers import Consumer
from imagineart.domain.errors import InvalidRequestError, InvalidTokenError
from imagineart.domain.tokens import TokenKind
from imagineart.use_cases.authenticate_caller import AuthenticateCaller
from imagineart.use_cases.manage_tokens import ManageTokens
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.token_stores import (
    InMemoryConsumers,
    InMemoryPeppers,
    InMemoryRevocations,
    InMemoryTokenStore,
)

ACME = Consumer("acme", 30)
DAY = 86_400

each_kind = pytest.mark.parametrize("kind", TokenKind)


@dataclass
class Office:
    """The operator's desk, and the door that the tokens are for."""

    clock: FakeClock = field(default_factory=FakeClock)
    peppers: InMemoryPeppers = field(default_factory=InMemoryPeppers)
    revocations: InMemoryRevocations = field(default_factory=InMemoryRevocations)
    consumers: InMemoryConsumers = field(default_factory=InMemoryConsumers)

    def __post_init__(self) -> None:
        self.consumers.add_consumer(ACME)
        self.stores = {kind: InMemoryTokenStore(self.revocations) for kind in TokenKind}
        self.tokens = ManageTokens(
            self.stores, self.consumers, self.revocations, self.peppers, repeatable_random_below(), self.clock
        )
        self.authenticate = AuthenticateCaller(self.stores, self.peppers, self.revocations, self.clock)


@pytest.fixture
def office() -> Office:
    return Office()


@each_kind
def test_an_issued_token_lets_its_consumer_in(office: Office, kind: TokenKind) -> None:
    token, _ = office.tokens.issue("acme", kind, life_days=None)
    caller = office.authenticate(token.text, sent_over_plain_http=False)
    assert (caller.consumer, caller.token_id) == (ACME, token.id)


@each_kind
def test_a_token_is_kept_in_the_store_of_its_kind(office: Office, kind: TokenKind) -> None:
    token, stored = office.tokens.issue("acme", kind, life_days=None)
    assert office.stores[kind].tokens == {token.id: stored}
    assert sum(len(store.tokens) for store in office.stores.values()) == 1


def test_the_secret_is_not_kept(office: Office) -> None:
    token, stored = office.tokens.issue("acme", TokenKind.PARTNER, life_days=None)
    assert token.secret not in repr(stored)


def test_tokens_are_made_under_the_current_pepper(office: Office) -> None:
    office.peppers.keys.keys_by_version["2"] = "new pepper"
    office.peppers.current_version = "2"
    token, stored = office.tokens.issue("acme", TokenKind.PARTNER, life_days=None)
    assert stored.pepper_version == "2"
    assert stored.digest == office.peppers.read().digest(token.secret, "2")


@pytest.mark.parametrize("life_days", [1, 90, 3650])
def test_a_life_in_days_sets_the_expiry(office: Office, life_days: int) -> None:
    _, stored = office.tokens.issue("acme", TokenKind.PARTNER, life_days=life_days)
    now = int(office.clock())
    assert (stored.created_at, stored.expires_at) == (now, now + life_days * DAY)


def test_without_a_life_a_token_does_not_expire(office: Office) -> None:
    assert office.tokens.issue("acme", TokenKind.PARTNER, life_days=None)[1].expires_at is None


@pytest.mark.parametrize("life_days", [0, -1, 3651])
def test_a_life_out_of_bounds_is_refused_and_nothing_issued(office: Office, life_days: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"^life_days: got {life_days}; allowed is 1 to 3650"):
        office.tokens.issue("acme", TokenKind.PARTNER, life_days=life_days)
    assert office.tokens.list() == []


def test_an_unregistered_consumer_gets_no_token(office: Office) -> None:
    with pytest.raises(InvalidRequestError, match=r"^consumer: got 'acne', which is not registered"):
        office.tokens.issue("acne", TokenKind.PARTNER, life_days=None)
    assert office.tokens.list() == []


def test_rotation_appends_the_new_token_before_the_old_is_removed(office: Office) -> None:
    old, _ = office.tokens.issue("acme", TokenKind.INTERNAL, life_days=None)
    new, _ = office.tokens.issue("acme", TokenKind.INTERNAL, life_days=None)
    for token in (old, new):
        assert office.authenticate(token.text, sent_over_plain_http=False)
    office.tokens.revoke(old.id)
    assert office.authenticate(new.text, sent_over_plain_http=False)
    with pytest.raises(InvalidTokenError):
        office.authenticate(old.text, sent_over_plain_http=False)


def test_tokens_of_every_kind_are_listed_oldest_first(office: Office) -> None:
    issued = []
    for kind in (TokenKind.INTERNAL, TokenKind.PARTNER, TokenKind.INTERNAL):
        issued.append(office.tokens.issue("acme", kind, life_days=None)[0].id)
        office.clock.advance(1)
    assert [token.id for token in office.tokens.list()] == issued


@each_kind
def test_a_revoked_token_stays_listed_with_its_end(office: Office, kind: TokenKind) -> None:
    token, _ = office.tokens.issue("acme", kind, life_days=None)
    office.clock.advance(60)
    assert office.tokens.revoke(token.id).id == token.id
    assert [listed.revoked_at for listed in office.tokens.list()] == [int(office.clock())]


def test_revoking_twice_keeps_the_first_time(office: Office) -> None:
    token, _ = office.tokens.issue("acme", TokenKind.PARTNER, life_days=None)
    office.tokens.revoke(token.id)
    first = office.tokens.list()[0].revoked_at
    office.clock.advance(100)
    office.tokens.revoke(token.id)
    assert office.tokens.list()[0].revoked_at == first


def test_an_unknown_id_cannot_be_revoked(office: Office) -> None:
    with pytest.raises(InvalidRequestError, match=r"^token: got 'p123', which is no known token id"):
        office.tokens.revoke("p123")
    assert office.revocations.times == {}

"""Who is let in, who is not, and what the caller and the log learn of it."""

from dataclasses import dataclass, field, replace

import pytest

from imagineart.domain.consumers import Consumer
from imagineart.domain.errors import InvalidTokenError, MissingBearerTokenError, NoTokensConfiguredError
from imagineart.domain.tokens import StoredToken, Token, TokenKind, create_token
from imagineart.use_cases.authenticate_caller import AuthenticateCaller, Caller
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.token_stores import InMemoryPeppers, InMemoryRevocations, InMemoryTokenStore

ACME = Consumer("acme", 30)
random_below = repeatable_random_below(7)

each_kind = pytest.mark.parametrize("kind", TokenKind)


@dataclass
class World:
    """A deployment's tokens, and the door before it."""

    clock: FakeClock = field(default_factory=FakeClock)
    peppers: InMemoryPeppers = field(default_factory=InMemoryPeppers)
    revocations: InMemoryRevocations = field(default_factory=InMemoryRevocations)
    stores: dict[TokenKind, InMemoryTokenStore] = field(init=False)
    authenticate: AuthenticateCaller = field(init=False)

    def __post_init__(self) -> None:
        self.stores = {kind: InMemoryTokenStore(self.revocations) for kind in TokenKind}
        self.authenticate = AuthenticateCaller(self.stores, self.peppers, self.revocations, self.clock)

    def issue(self, kind: TokenKind = TokenKind.PARTNER, *, expires_at: int | None = None) -> Token:
        token = create_token(kind, random_below)
        digest = self.peppers.read().digest(token.secret, "1")
        self.stores[kind].add_token(StoredToken(token.id, ACME, digest, "1", 0, expires_at))
        self.peppers.keys.lookups.clear()
        return token

    def enter(self, bearer: str | None, *, sent_over_plain_http: bool = False) -> Caller:
        return self.authenticate(bearer, sent_over_plain_http=sent_over_plain_http)

    def refusal(self, bearer: str | None, *, sent_over_plain_http: bool = False) -> InvalidTokenError:
        with pytest.raises(InvalidTokenError) as caught:
            self.enter(bearer, sent_over_plain_http=sent_over_plain_http)
        return caught.value

    @property
    def reads(self) -> int:
        return sum(store.reads for store in self.stores.values())


@pytest.fixture
def world() -> World:
    return World()


@each_kind
def test_the_holder_of_a_token_is_the_consumer_it_was_issued_to(world: World, kind: TokenKind) -> None:
    token = world.issue(kind)
    assert world.enter(token.text) == Caller(ACME, token.id)


@each_kind
def test_a_token_is_looked_for_in_the_store_of_its_kind_alone(world: World, kind: TokenKind) -> None:
    world.enter(world.issue(kind).text)
    assert {each: store.reads for each, store in world.stores.items() if store.reads} == {kind: 1}


@pytest.mark.parametrize("bearer", [None, ""])
def test_no_token_is_a_missing_token(world: World, bearer: str | None) -> None:
    with pytest.raises(MissingBearerTokenError):
        world.enter(bearer)
    assert world.reads == 0


@pytest.mark.parametrize(
    "spoil",
    [lambda text: text[:-1], lambda text: text + "0", lambda text: text.upper(), lambda text: text[::-1],
     lambda text: "sk-" + text, lambda text: "x" * 100_000],
)  # fmt: skip
def test_a_malformed_token_is_refused_without_any_read(world: World, spoil) -> None:
    assert world.refusal(spoil(world.issue().text)).detail == "malformed token"
    assert world.reads == 0
    assert world.peppers.keys.lookups == []


@each_kind
def test_an_unknown_token_is_refused(world: World, kind: TokenKind) -> None:
    world.issue()
    stranger = create_token(kind, random_below)
    assert world.refusal(stranger.text).detail == f"unknown token id {stranger.id}"


@each_kind
def test_a_wrong_secret_is_refused(world: World, kind: TokenKind) -> None:
    token = world.issue(kind)
    forged = Token(token.id, create_token(kind, random_below).secret)
    assert world.refusal(forged.text).detail == f"wrong secret for token {token.id}"


def test_an_unknown_id_costs_the_same_digests_as_a_wrong_secret(world: World) -> None:
    token = world.issue()
    world.refusal(Token(token.id, create_token(TokenKind.PARTNER, random_below).secret).text)
    wrong_secret = list(world.peppers.keys.lookups)
    world.peppers.keys.lookups.clear()
    world.refusal(create_token(TokenKind.PARTNER, random_below).text)
    assert world.peppers.keys.lookups == wrong_secret == ["1"]


@each_kind
def test_a_token_ends_at_its_expiry(world: World, kind: TokenKind) -> None:
    token = world.issue(kind, expires_at=int(world.clock()) + 10)
    world.clock.advance(9.9)
    assert world.enter(token.text)
    world.clock.advance(0.1)
    assert world.refusal(token.text).detail == f"revoked or expired token {token.id}"


@each_kind
def test_a_revoked_token_is_refused_on_the_very_next_request(world: World, kind: TokenKind) -> None:
    token = world.issue(kind)
    world.enter(token.text)
    world.revocations.revoke(token.id, now=int(world.clock()))
    assert world.refusal(token.text).detail == f"revoked or expired token {token.id}"


def test_revoking_one_token_of_a_consumer_leaves_its_others(world: World) -> None:
    old, new = world.issue(), world.issue()
    world.revocations.revoke(old.id, now=int(world.clock()))
    assert world.enter(new.text).consumer == ACME


@each_kind
def test_a_token_sent_over_plain_http_is_revoked_on_the_spot(world: World, kind: TokenKind) -> None:
    token = world.issue(kind)
    assert (
        "sent over plain HTTP and has been revoked"
        in world.refusal(token.text, sent_over_plain_http=True).message
    )
    assert world.revocations.times == {token.id: int(world.clock())}
    assert world.refusal(token.text).message == "Invalid API token."


def test_plain_http_with_a_forged_secret_revokes_nothing(world: World) -> None:
    token = world.issue()
    forged = Token(token.id, create_token(TokenKind.PARTNER, random_below).secret)
    world.refusal(forged.text, sent_over_plain_http=True)
    assert world.revocations.times == {}
    assert world.enter(token.text)


def test_plain_http_with_an_unknown_or_malformed_token_revokes_nothing(world: World) -> None:
    world.issue()
    for bearer in (create_token(TokenKind.INTERNAL, random_below).text, "iart_nonsense"):
        world.refusal(bearer, sent_over_plain_http=True)
    assert world.revocations.times == {}


def test_plain_http_with_an_expired_token_is_told_nothing_of_a_revocation(world: World) -> None:
    token = world.issue(expires_at=int(world.clock()))
    assert world.refusal(token.text, sent_over_plain_http=True).message == "Invalid API token."
    assert world.revocations.times == {}


def test_the_caller_is_not_told_why_a_token_is_invalid(world: World) -> None:
    expired, revoked, genuine = world.issue(expires_at=1), world.issue(), world.issue()
    world.revocations.revoke(revoked.id, now=1)
    stranger = create_token(TokenKind.PARTNER, random_below)
    bearers = [expired, revoked, stranger, Token(genuine.id, stranger.secret)]
    messages = {world.refusal(bearer.text).message for bearer in bearers} | {world.refusal("junk").message}
    assert messages == {"Invalid API token."}


def test_the_log_never_learns_a_secret(world: World) -> None:
    genuine, expired = world.issue(), world.issue(expires_at=1)
    stranger = create_token(TokenKind.PARTNER, random_below)
    for bearer in (stranger, expired, Token(genuine.id, stranger.secret)):
        assert bearer.secret not in world.refusal(bearer.text).detail


@each_kind
def test_where_no_token_is_configured_nobody_can_be_let_in(world: World, kind: TokenKind) -> None:
    with pytest.raises(NoTokensConfiguredError):
        world.enter(create_token(kind, random_below).text)


@each_kind
def test_a_token_of_either_kind_makes_the_deployment_configured(world: World, kind: TokenKind) -> None:
    world.issue(kind)
    for stranger_kind in TokenKind:
        world.refusal(create_token(stranger_kind, random_below).text)


def test_a_token_made_under_an_older_pepper_still_lets_in(world: World) -> None:
    token = world.issue()
    world.peppers.keys.keys_by_version["2"] = "new pepper"
    world.peppers.current_version = "2"
    assert world.enter(token.text)


def test_a_token_whose_pepper_was_withdrawn_is_refused(world: World) -> None:
    token = world.issue()
    world.peppers.keys.keys_by_version = {"2": "new pepper"}
    world.peppers.current_version = "2"
    assert world.refusal(token.text).detail == f"wrong secret for token {token.id}"


def test_a_new_limit_of_the_consumer_holds_on_the_next_request(world: World) -> None:
    token = world.issue()
    store = world.stores[TokenKind.PARTNER]
    store.add_token(replace(store.tokens[token.id], consumer=Consumer("acme", 100)))
    assert world.enter(token.text).consumer.requests_per_minute == 100

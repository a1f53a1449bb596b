"""Which tokens are accepted, and what the caller and the log learn of others."""

from dataclasses import dataclass, field

import pytest

from imagineart.access.authenticate import Authenticator, Caller
from imagineart.access.refused_tokens import (
    REFUSALS_TO_SLOW,
    UNKNOWN_SECONDS,
    WrongTokensError,
)
from imagineart.access.tokens import (
    ALL_SCOPES,
    Peppers,
    Scope,
    StoredToken,
    Token,
    TokenKind,
    create_token,
)
from imagineart.errors import (
    ImagineArtError,
    InvalidTokenError,
    NoTokensConfiguredError,
)
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.tokens import InMemoryMarks, InMemoryPeppers, InMemoryTokens

random_below = repeatable_random_below(7)

each_kind = pytest.mark.parametrize("kind", TokenKind)


@dataclass
class World:
    """A deployment's tokens, and the authentication of one environment."""

    clock: FakeClock = field(default_factory=FakeClock)
    peppers: InMemoryPeppers = field(default_factory=InMemoryPeppers)
    marks: InMemoryMarks = field(default_factory=InMemoryMarks)
    stores: dict[TokenKind, InMemoryTokens] = field(init=False)
    authenticator: Authenticator = field(init=False)

    def __post_init__(self) -> None:
        self.stores = {kind: InMemoryTokens(self.marks) for kind in TokenKind}
        self.authenticator = Authenticator(self.stores, self.peppers, self.marks, self.clock)

    def issue(
        self,
        kind: TokenKind = TokenKind.PARTNER,
        *,
        token: Token | None = None,
        expires_at: int | None = None,
        scopes: frozenset[Scope] = ALL_SCOPES,
    ) -> Token:
        token = token or create_token(kind, random_below)
        digest = self.peppers.read().digest(token.secret, "1")
        self.stores[kind].add_token(StoredToken(token.id, "acme", digest, "1", 0, scopes, expires_at))
        self.peppers.keys.lookups.clear()
        return token

    def authenticate(self, bearer: str | None, *, sent_over_plain_http: bool = False) -> Caller:
        return self.authenticator.authenticate(bearer, sent_over_plain_http=sent_over_plain_http)

    def refusal(self, token: Token, *, sent_over_plain_http: bool = False) -> InvalidTokenError:
        with pytest.raises(InvalidTokenError) as caught:
            self.authenticate(token.text, sent_over_plain_http=sent_over_plain_http)
        assert token.secret not in f"{caught.value.message}{caught.value.detail}"
        return caught.value

    def refusals(self, token: Token, times: int) -> list[type[ImagineArtError]]:
        kinds: list[type[ImagineArtError]] = []
        for _ in range(times):
            with pytest.raises(ImagineArtError) as caught:
                self.authenticate(token.text)
            kinds.append(caught.type)
        return kinds

    @property
    def reads(self) -> int:
        return sum(store.reads for store in self.stores.values())


def stranger(kind: TokenKind = TokenKind.PARTNER) -> Token:
    """A token that no store has."""
    return create_token(kind, random_below)


def forged(token: Token) -> Token:
    """The same id with another secret."""
    return Token(token.id, stranger().secret)


@pytest.fixture
def world() -> World:
    return World()


@each_kind
def test_a_token_authenticates_its_consumer_in_one_read_of_the_store_of_its_kind(
    world: World, kind: TokenKind
) -> None:
    token = world.issue(kind, scopes=frozenset({Scope.EDIT_IMAGES}))
    assert world.authenticate(token.text) == Caller("acme", token.id, frozenset({Scope.EDIT_IMAGES}))
    assert {each: store.reads for each, store in world.stores.items() if store.reads} == {kind: 1}


@pytest.mark.parametrize(
    "spoil",
    [lambda text: text[:-1], lambda text: text + "0", lambda text: text.upper(), lambda text: text[::-1],
     lambda text: "sk-" + text, lambda text: "x" * 100_000],
)  # fmt: skip
def test_a_malformed_token_is_refused_without_any_read(world: World, spoil) -> None:
    with pytest.raises(InvalidTokenError) as caught:
        world.authenticate(spoil(world.issue().text))
    assert caught.value.detail == "malformed token"
    assert (world.reads, world.peppers.keys.lookups) == (0, [])


@each_kind
def test_an_unknown_token_and_a_wrong_secret_are_refused_for_the_same_work(
    world: World, kind: TokenKind
) -> None:
    token = world.issue(kind)
    world.authenticate(token.text)
    work = []
    for refused, reason in ((stranger(kind), "unknown token id"), (forged(token), "wrong secret for token")):
        world.peppers.keys.lookups.clear()
        before = world.reads
        assert world.refusal(refused).detail == f"{reason} {refused.id}"
        work.append((world.reads - before, list(world.peppers.keys.lookups)))
    assert work == [(1, ["1"]), (1, ["1"])]


@each_kind
def test_a_revoked_token_is_refused_on_the_next_request_and_the_consumers_others_are_not(
    world: World, kind: TokenKind
) -> None:
    token, other = world.issue(kind), world.issue(kind)
    world.authenticate(token.text)
    world.marks.revoke(token.id, now=int(world.clock()))
    assert world.refusal(token).detail == f"revoked or expired token {token.id}"
    assert world.authenticate(other.text)


@each_kind
def test_a_token_sent_over_plain_http_is_revoked_at_once(world: World, kind: TokenKind) -> None:
    token = world.issue(kind)
    message = world.refusal(token, sent_over_plain_http=True).message
    assert "sent over plain HTTP and has been revoked" in message
    assert world.marks.revoked == {token.id: int(world.clock())}
    assert world.refusal(token).message == "Invalid API token."


def test_plain_http_revokes_no_token_but_a_live_one_with_the_right_secret(world: World) -> None:
    token, expired = world.issue(), world.issue(expires_at=int(world.clock()))
    for refused in (forged(token), stranger(), expired):
        assert world.refusal(refused, sent_over_plain_http=True).message == "Invalid API token."
    assert world.marks.revoked == {}
    assert world.authenticate(token.text)


def test_the_caller_does_not_learn_why_a_token_is_invalid(world: World) -> None:
    expired, revoked, genuine = world.issue(expires_at=1), world.issue(), world.issue()
    world.marks.revoke(revoked.id, now=1)
    refused = [expired, revoked, stranger(), forged(genuine)]
    assert {world.refusal(token).message for token in refused} == {"Invalid API token."}


@each_kind
def test_no_token_of_either_kind_is_configured_until_one_is_created(world: World, kind: TokenKind) -> None:
    token = stranger(kind)
    with pytest.raises(NoTokensConfiguredError):
        world.authenticate(token.text)
    world.issue(kind, token=token)
    for other in TokenKind:
        world.refusal(stranger(other))
    assert world.authenticate(token.text)


# Peppers


def test_a_token_made_under_an_older_pepper_is_accepted_until_that_is_retired(world: World) -> None:
    token = world.issue()
    world.peppers.keys.keys_by_version["2"] = "new pepper"
    world.peppers.current_version = "2"
    assert world.authenticate(token.text)
    del world.peppers.keys.keys_by_version["1"]
    assert world.refusal(token).detail == f"wrong secret for token {token.id}"


def test_a_token_made_under_a_pepper_that_was_added_recently_is_accepted(world: World) -> None:
    world.peppers.added = {"2": "new pepper"}
    token = stranger()
    digest = Peppers("2", world.peppers.added).digest(token.secret, "2")
    world.stores[TokenKind.PARTNER].add_token(StoredToken(token.id, "acme", digest, "2", 0))
    assert world.authenticate(token.text)
    assert world.authenticate(token.text)
    assert world.peppers.readings_anew == 1


# Floods of wrong tokens


@each_kind
def test_a_flood_of_wrong_secrets_for_one_id_costs_one_read_and_is_rate_limited(
    world: World, kind: TokenKind
) -> None:
    genuine = world.issue(kind)
    kinds = world.refusals(forged(genuine), 20)
    assert kinds == [InvalidTokenError] * REFUSALS_TO_SLOW + [WrongTokensError] * (20 - REFUSALS_TO_SLOW)
    assert world.reads == 1
    assert world.authenticate(genuine.text).token_id == genuine.id


@each_kind
def test_a_token_that_was_tried_before_it_was_created_is_accepted_seconds_later(
    world: World, kind: TokenKind
) -> None:
    world.issue(kind)
    token = stranger(kind)
    world.refusals(token, 10)
    world.issue(kind, token=token)
    world.clock.advance(UNKNOWN_SECONDS)
    assert world.authenticate(token.text)


def test_the_memory_of_refusals_is_bounded(world: World) -> None:
    world.issue()
    strangers = [stranger() for _ in range(1_001)]
    for each in strangers:
        world.refusal(each)
    before = world.reads
    world.refusal(strangers[-1])
    assert world.reads == before
    world.refusal(strangers[0])
    assert world.reads > before

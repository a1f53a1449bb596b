"""Who is let in, who is not, and what the caller and the log learn of it."""

from dataclasses import dataclass, field

import pytest

from imagineart.domain.errors import (
    ImagineArtError,
    InvalidTokenError,
    MissingBearerTokenError,
    NoTokensConfiguredError,
    WrongTokensError,
)
from imagineart.domain.operations import ALL_SCOPES, Scope
from imagineart.domain.tokens import Peppers, StoredToken, Token, TokenKind, create_token
from imagineart.domain.wrong_tokens import REFUSALS_TO_SLOW, REMEMBERED_SECONDS, UNKNOWN_SECONDS
from imagineart.use_cases.authenticate_caller import AuthenticateCaller, Caller
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.token_stores import InMemoryPeppers, InMemoryTokenMarks, InMemoryTokenStore

random_below = repeatable_random_below(7)

each_kind = pytest.mark.parametrize("kind", TokenKind)


@dataclass
class World:
    """A deployment's tokens, and the door before it."""

    clock: FakeClock = field(default_factory=FakeClock)
    peppers: InMemoryPeppers = field(default_factory=InMemoryPeppers)
    marks: InMemoryTokenMarks = field(default_factory=InMemoryTokenMarks)
    stores: dict[TokenKind, InMemoryTokenStore] = field(init=False)
    authenticate: AuthenticateCaller = field(init=False)

    def __post_init__(self) -> None:
        self.stores = {kind: InMemoryTokenStore(self.marks) for kind in TokenKind}
        self.authenticate = AuthenticateCaller(self.stores, self.peppers, self.marks, self.clock)

    def issue(
        self,
        kind: TokenKind = TokenKind.PARTNER,
        *,
        expires_at: int | None = None,
        scopes: frozenset[Scope] = ALL_SCOPES,
    ) -> Token:
        token = create_token(kind, random_below)
        digest = self.peppers.read().digest(token.secret, "1")
        self.stores[kind].add_token(StoredToken(token.id, "acme", digest, "1", 0, scopes, expires_at))
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
    assert world.enter(token.text) == Caller("acme", token.id, ALL_SCOPES)


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
    world.marks.revoke(token.id, now=int(world.clock()))
    assert world.refusal(token.text).detail == f"revoked or expired token {token.id}"


def test_revoking_one_token_of_a_consumer_leaves_its_others(world: World) -> None:
    old, new = world.issue(), world.issue()
    world.marks.revoke(old.id, now=int(world.clock()))
    assert world.enter(new.text).consumer_id == "acme"


@each_kind
def test_a_token_sent_over_plain_http_is_revoked_on_the_spot(world: World, kind: TokenKind) -> None:
    token = world.issue(kind)
    assert (
        "sent over plain HTTP and has been revoked"
        in world.refusal(token.text, sent_over_plain_http=True).message
    )
    assert world.marks.revoked == {token.id: int(world.clock())}
    assert world.refusal(token.text).message == "Invalid API token."


def test_plain_http_with_a_forged_secret_revokes_nothing(world: World) -> None:
    token = world.issue()
    forged = Token(token.id, create_token(TokenKind.PARTNER, random_below).secret)
    world.refusal(forged.text, sent_over_plain_http=True)
    assert world.marks.revoked == {}
    assert world.enter(token.text)


def test_plain_http_with_an_unknown_or_malformed_token_revokes_nothing(world: World) -> None:
    world.issue()
    for bearer in (create_token(TokenKind.INTERNAL, random_below).text, "iart_nonsense"):
        world.refusal(bearer, sent_over_plain_http=True)
    assert world.marks.revoked == {}


def test_plain_http_with_an_expired_token_is_told_nothing_of_a_revocation(world: World) -> None:
    token = world.issue(expires_at=int(world.clock()))
    assert world.refusal(token.text, sent_over_plain_http=True).message == "Invalid API token."
    assert world.marks.revoked == {}


def test_the_caller_is_not_told_why_a_token_is_invalid(world: World) -> None:
    expired, revoked, genuine = world.issue(expires_at=1), world.issue(), world.issue()
    world.marks.revoke(revoked.id, now=1)
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


def test_a_token_made_under_a_pepper_that_was_added_a_moment_ago_lets_in(world: World) -> None:
    world.peppers.added = {"2": "new pepper"}
    token = create_token(TokenKind.PARTNER, random_below)
    digest = Peppers("2", world.peppers.added).digest(token.secret, "2")
    world.stores[TokenKind.PARTNER].add_token(StoredToken(token.id, "acme", digest, "2", 0))
    assert world.enter(token.text)
    assert world.enter(token.text)
    assert world.peppers.readings_anew == 1


def test_the_day_of_an_earlier_use_comes_with_the_caller(world: World) -> None:
    token = world.issue()
    assert world.enter(token.text).last_used_on is None
    world.marks.note_use(token.id, day="2026-11-20")
    assert world.enter(token.text).last_used_on == "2026-11-20"


@each_kind
def test_the_scopes_of_the_token_come_with_the_caller(world: World, kind: TokenKind) -> None:
    token = world.issue(kind, scopes=frozenset({Scope.EDIT_IMAGES}))
    assert world.enter(token.text).scopes == {Scope.EDIT_IMAGES}


# A flood of wrong tokens


def refusals(world: World, token: Token, times: int) -> list[type[ImagineArtError]]:
    kinds: list[type[ImagineArtError]] = []
    for _ in range(times):
        with pytest.raises(ImagineArtError) as caught:
            world.enter(token.text)
        kinds.append(caught.type)
    return kinds


@each_kind
def test_a_flood_of_wrong_secrets_for_one_id_costs_one_read_and_is_slowed(
    world: World, kind: TokenKind
) -> None:
    genuine = world.issue(kind)
    forged = Token(genuine.id, create_token(kind, random_below).secret)
    kinds = refusals(world, forged, 20)
    assert kinds == [InvalidTokenError] * REFUSALS_TO_SLOW + [WrongTokensError] * (20 - REFUSALS_TO_SLOW)
    assert world.reads == 1


def test_a_flood_of_requests_with_one_unknown_or_dead_token_is_slowed_too(world: World) -> None:
    expired, revoked = world.issue(expires_at=1), world.issue()
    world.marks.revoke(revoked.id, now=1)
    for token in (expired, revoked, create_token(TokenKind.PARTNER, random_below)):
        before = world.stores[TokenKind.PARTNER].reads
        assert refusals(world, token, 7)[-1] is WrongTokensError
        # An unknown one is looked for in both stores before anyone says that it is unknown.
        assert world.stores[TokenKind.PARTNER].reads - before <= 2


def test_whoever_holds_the_right_secret_is_let_in_amid_the_flood(world: World) -> None:
    genuine = world.issue()
    refusals(world, Token(genuine.id, create_token(TokenKind.PARTNER, random_below).secret), 20)
    assert world.enter(genuine.text).token_id == genuine.id


def test_a_revocation_amid_the_flood_holds_at_once(world: World) -> None:
    genuine = world.issue()
    refusals(world, Token(genuine.id, create_token(TokenKind.PARTNER, random_below).secret), 3)
    world.marks.revoke(genuine.id, now=1)
    assert world.refusal(genuine.text).detail == f"revoked or expired token {genuine.id}"


def test_who_is_slowed_is_told_for_how_long_and_that_the_token_stays_wrong(world: World) -> None:
    forged = Token(world.issue().id, create_token(TokenKind.PARTNER, random_below).secret)
    refusals(world, forged, REFUSALS_TO_SLOW)
    world.clock.advance(10)
    with pytest.raises(WrongTokensError) as caught:
        world.enter(forged.text)
    assert caught.value.retry_after_seconds == REMEMBERED_SECONDS - 10
    assert not caught.value.retryable
    world.clock.advance(REMEMBERED_SECONDS - 10)
    assert refusals(world, forged, 1) == [InvalidTokenError]


@each_kind
def test_a_token_that_was_tried_too_early_is_let_in_a_moment_later(world: World, kind: TokenKind) -> None:
    world.issue(kind)
    token = create_token(kind, random_below)
    refusals(world, token, 10)
    digest = world.peppers.read().digest(token.secret, "1")
    world.stores[kind].add_token(StoredToken(token.id, "acme", digest, "1", 0))
    world.clock.advance(UNKNOWN_SECONDS)
    assert world.enter(token.text)


@each_kind
def test_an_unknown_id_costs_as_many_reads_as_a_wrong_secret_once_a_token_was_seen(
    world: World, kind: TokenKind
) -> None:
    genuine = world.issue(kind)
    world.enter(genuine.text)
    for token in (
        Token(genuine.id, create_token(kind, random_below).secret),
        create_token(kind, random_below),
    ):
        before = world.reads
        world.refusal(token.text)
        assert world.reads - before == 1


def test_the_memory_of_refusals_is_bounded(world: World) -> None:
    world.issue()
    strangers = [create_token(TokenKind.PARTNER, random_below) for _ in range(1_001)]
    for stranger in strangers:
        world.refusal(stranger.text)
    before = world.reads
    world.refusal(strangers[-1].text)
    assert world.reads == before
    world.refusal(strangers[0].text)
    assert world.reads > before


def test_a_token_that_is_created_while_none_is_configured_lets_in_at_once(world: World) -> None:
    token = create_token(TokenKind.PARTNER, random_below)
    with pytest.raises(NoTokensConfiguredError):
        world.enter(token.text)
    digest = world.peppers.read().digest(token.secret, "1")
    world.stores[TokenKind.PARTNER].add_token(StoredToken(token.id, "acme", digest, "1", 0))
    assert world.enter(token.text)

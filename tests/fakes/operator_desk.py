"""The operator's use cases over stores in memory, and the door that the tokens are for."""

from dataclasses import dataclass, field

from imagineart.domain.consumers import TIERS, Consumer
from imagineart.domain.operations import Scope
from imagineart.domain.tokens import Token, TokenKind
from imagineart.use_cases.authenticate_caller import AuthenticateCaller, Caller
from imagineart.use_cases.manage_consumers import ManageConsumers
from imagineart.use_cases.manage_tokens import ManageTokens
from imagineart.use_cases.report_usage import ReportUsage
from imagineart.use_cases.rotate_peppers import RotatePeppers
from tests.fakes.clock import FakeClock
from tests.fakes.ledgers import InMemoryUsageLedger
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.token_stores import (
    InMemoryConsumers,
    InMemoryPeppers,
    InMemoryTokenMarks,
    InMemoryTokenStore,
)

ACME = Consumer("acme", TIERS["basic"])


@dataclass
class OperatorDesk:
    """Has what `OperatorServices` has, with the consumer `acme`."""

    clock: FakeClock = field(default_factory=FakeClock)
    peppers: InMemoryPeppers = field(default_factory=InMemoryPeppers)
    marks: InMemoryTokenMarks = field(default_factory=InMemoryTokenMarks)
    consumers: InMemoryConsumers = field(default_factory=InMemoryConsumers)
    usage: InMemoryUsageLedger = field(default_factory=InMemoryUsageLedger)

    def __post_init__(self) -> None:
        random_below = repeatable_random_below()
        self.consumers.add_consumer(ACME)
        self.stores = {kind: InMemoryTokenStore(self.marks) for kind in TokenKind}
        self.manage_consumers = ManageConsumers(self.consumers)
        self.manage_tokens = ManageTokens(
            self.stores, self.consumers, self.marks, self.peppers, random_below, self.clock
        )
        self.rotate_peppers = RotatePeppers(self.peppers, self.manage_tokens, random_below)
        self.report_usage = ReportUsage(self.usage, self.consumers, self.clock)

    def issue(
        self,
        consumer_id: str = "acme",
        kind: TokenKind = TokenKind.PARTNER,
        *,
        life_days: int | None = None,
        scopes: frozenset[Scope] = frozenset(Scope),
    ) -> Token:
        return self.manage_tokens.issue(consumer_id, kind, life_days=life_days, scopes=scopes)[0]

    def enter(self, token: Token) -> Caller:
        """The caller who comes with the token; an environment that remembers nothing looks at it."""
        authenticate = AuthenticateCaller(self.stores, self.peppers, self.marks, self.clock)
        return authenticate(token.text, sent_over_plain_http=False)

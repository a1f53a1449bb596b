"""The operator's use cases over stores in memory, and the authentication that their tokens are for."""

from dataclasses import dataclass, field
from functools import partial

from imagineart.access.authenticate import Authenticator, Caller
from imagineart.access.consumers import TIERS, Consumer
from imagineart.access.manage_consumers import ManageConsumers
from imagineart.access.manage_tokens import ManageTokens
from imagineart.access.rotate_peppers import RotatePeppers
from imagineart.access.tokens import Scope, Token, TokenKind
from imagineart.backends.check_models import find_problems
from imagineart.models.manage_models import ManageModels
from imagineart.usage.report_usage import ReportUsage
from tests.fakes.clock import FakeClock
from tests.fakes.consumers import InMemoryConsumers
from tests.fakes.models import InMemoryModels
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.tokens import InMemoryMarks, InMemoryPeppers, InMemoryTokens
from tests.fakes.usage import InMemoryUsage

ACME = Consumer("acme", TIERS["basic"])


@dataclass
class OperatorInMemory:
    """An OperatorServices without AWS, with the consumer `acme`."""

    clock: FakeClock = field(default_factory=FakeClock)
    peppers: InMemoryPeppers = field(default_factory=InMemoryPeppers)
    marks: InMemoryMarks = field(default_factory=InMemoryMarks)
    consumers: InMemoryConsumers = field(default_factory=InMemoryConsumers)
    usage: InMemoryUsage = field(default_factory=InMemoryUsage)
    models: InMemoryModels = field(default_factory=InMemoryModels)

    def __post_init__(self) -> None:
        random_below = repeatable_random_below()
        self.consumers.add_consumer(ACME)
        self.stores = {kind: InMemoryTokens(self.marks) for kind in TokenKind}
        self.manage_models = ManageModels(
            self.models, partial(find_problems, bedrock_models="stability.*,amazon.nova-*"), self.clock
        )
        self.manage_consumers = ManageConsumers(
            self.consumers, lambda: self.manage_models.current().document.ids
        )
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

    def authenticate(self, token: Token) -> Caller:
        """The caller with that token, in an environment that remembers nothing."""
        authenticator = Authenticator(self.stores, self.peppers, self.marks, self.clock)
        return authenticator.authenticate(token.text, sent_over_plain_http=False)

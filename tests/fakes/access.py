"""The gate before the endpoints, over stores in memory."""

from dataclasses import dataclass, field

from imagineart.domain.consumers import Consumer
from imagineart.domain.operations import ALL_SCOPES, Scope
from imagineart.domain.tokens import StoredToken, TokenKind, create_token
from imagineart.use_cases.admit_request import AdmitRequest
from imagineart.use_cases.answer_once import AnswerOnce
from imagineart.use_cases.authenticate_caller import AuthenticateCaller
from imagineart.use_cases.settle_request import SettleRequest
from imagineart.web.access import Access
from tests.fakes.answers import InMemoryAnswerRecords, InMemoryAnswerStorage
from tests.fakes.clock import FakeClock
from tests.fakes.ledgers import InMemoryConsumerLedger, InMemoryUsageLedger
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.token_stores import (
    InMemoryConsumers,
    InMemoryPeppers,
    InMemoryTokenMarks,
    InMemoryTokenStore,
)


@dataclass(slots=True)
class Deployment:
    """Everything that stands before and behind the endpoints, for one consumer; nothing here waits."""

    consumer: Consumer
    clock: FakeClock = field(default_factory=FakeClock)
    peppers: InMemoryPeppers = field(default_factory=InMemoryPeppers)
    marks: InMemoryTokenMarks = field(default_factory=InMemoryTokenMarks)
    usage: InMemoryUsageLedger = field(default_factory=InMemoryUsageLedger)
    records: InMemoryAnswerRecords = field(default_factory=InMemoryAnswerRecords)
    storage: InMemoryAnswerStorage = field(default_factory=InMemoryAnswerStorage)
    reports: list[str] = field(default_factory=list)
    consumers: InMemoryConsumers = field(init=False)
    ledger: InMemoryConsumerLedger = field(init=False)
    stores: dict[TokenKind, InMemoryTokenStore] = field(init=False)

    def __post_init__(self) -> None:
        self.consumers = InMemoryConsumers({self.consumer.id: self.consumer})
        self.ledger = InMemoryConsumerLedger(self.consumers)
        self.stores = {kind: InMemoryTokenStore(self.marks) for kind in TokenKind}

    def issue_token(self, *, scopes: frozenset[Scope] = ALL_SCOPES) -> str:
        """A token of the consumer."""
        token = create_token(TokenKind.PARTNER, repeatable_random_below(len(self.stores)))
        digest = self.peppers.read().digest(token.secret, self.peppers.current_version)
        stored = StoredToken(token.id, self.consumer.id, digest, self.peppers.current_version, 0, scopes)
        self.stores[TokenKind.PARTNER].add_token(stored)
        return token.text

    @property
    def access(self) -> Access:
        """The gate."""
        authenticate = AuthenticateCaller(self.stores, self.peppers, self.marks, self.clock)
        admit = AdmitRequest(self.ledger, repeatable_random_below(2), self.clock, self.clock.advance)
        return Access(authenticate, admit)

    @property
    def settle(self) -> SettleRequest:
        """What comes after an answer."""
        return SettleRequest(self.ledger, self.usage, self.marks, self.reports.append)

    @property
    def answer_once(self) -> AnswerOnce:
        """What answers retries."""
        random_below = repeatable_random_below(3)
        return AnswerOnce(
            self.records, self.storage, random_below, self.reports.append, self.clock, self.clock.advance
        )

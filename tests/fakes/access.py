"""What comes before and after every route, over stores in memory."""

from dataclasses import dataclass, field

from imagineart.access.admit import RequestLimits
from imagineart.access.authenticate import Authenticator
from imagineart.access.consumers import Consumer
from imagineart.access.tokens import ALL_SCOPES, Scope, StoredToken, TokenKind, create_token
from imagineart.idempotency.respond_once import Idempotency
from imagineart.uploads.uploads import Uploads
from imagineart.usage.settle import Settlement
from tests.fakes.bucket import InMemoryBucket
from tests.fakes.clock import FakeClock
from tests.fakes.consumers import InMemoryConsumers
from tests.fakes.idempotency import InMemoryRecords
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.tokens import InMemoryMarks, InMemoryPeppers, InMemoryTokens
from tests.fakes.usage import InMemoryUsage


@dataclass(slots=True)
class AccessInMemory:
    """Authentication, limits, settlement, idempotency and uploads for one consumer; nothing here waits."""

    consumer: Consumer
    clock: FakeClock = field(default_factory=FakeClock)
    peppers: InMemoryPeppers = field(default_factory=InMemoryPeppers)
    marks: InMemoryMarks = field(default_factory=InMemoryMarks)
    consumers: InMemoryConsumers = field(default_factory=InMemoryConsumers)
    usage: InMemoryUsage = field(default_factory=InMemoryUsage)
    records: InMemoryRecords = field(default_factory=InMemoryRecords)
    bucket: InMemoryBucket = field(default_factory=InMemoryBucket)
    reports: list[str] = field(default_factory=list)
    stores: dict[TokenKind, InMemoryTokens] = field(init=False)
    authenticator: Authenticator = field(init=False)
    limits: RequestLimits = field(init=False)
    settlement: Settlement = field(init=False)
    idempotency: Idempotency = field(init=False)
    uploads: Uploads = field(init=False)

    def __post_init__(self) -> None:
        self.consumers.add_consumer(self.consumer)
        self.stores = {kind: InMemoryTokens(self.marks) for kind in TokenKind}
        random_below = repeatable_random_below(1)
        self.authenticator = Authenticator(self.stores, self.peppers, self.marks, self.clock)
        self.limits = RequestLimits(self.consumers, random_below, self.clock)
        self.settlement = Settlement(self.limits, self.usage, self.marks, self.reports.append)
        self.idempotency = Idempotency(
            self.records, self.bucket, random_below, self.reports.append, self.clock, self._sleep
        )
        self.uploads = Uploads(self.bucket, self.peppers, random_below, self.clock)

    def issue_token(self, *, scopes: frozenset[Scope] = ALL_SCOPES) -> str:
        """A token of the consumer."""
        tokens = self.stores[TokenKind.PARTNER]
        token = create_token(TokenKind.PARTNER, repeatable_random_below(len(tokens.tokens)))
        digest = self.peppers.read().digest(token.secret, self.peppers.current_version)
        tokens.add_token(
            StoredToken(token.id, self.consumer.id, digest, self.peppers.current_version, 0, scopes)
        )
        return token.text

    async def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

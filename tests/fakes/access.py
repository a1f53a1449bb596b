"""The gate before the endpoints, over stores in memory."""

from imagineart.domain.consumers import Consumer
from imagineart.domain.ports import Clock
from imagineart.domain.tokens import TokenKind
from imagineart.use_cases.authenticate_caller import AuthenticateCaller
from imagineart.use_cases.count_request import CountRequest
from imagineart.use_cases.manage_tokens import ManageTokens
from imagineart.web.access import Access
from tests.fakes.randomness import repeatable_random_below
from tests.fakes.request_counter import InMemoryRequestCounter
from tests.fakes.token_stores import (
    InMemoryConsumers,
    InMemoryPeppers,
    InMemoryRevocations,
    InMemoryTokenStore,
)


def gate_for(consumer: Consumer, clock: Clock) -> tuple[Access, str]:
    """A gate, and a token of `consumer` that opens it."""
    revocations, peppers = InMemoryRevocations(), InMemoryPeppers()
    stores = {kind: InMemoryTokenStore(revocations) for kind in TokenKind}
    consumers = InMemoryConsumers({consumer.id: consumer})
    tokens = ManageTokens(stores, consumers, revocations, peppers, repeatable_random_below(), clock)
    token, _ = tokens.issue(consumer.id, TokenKind.PARTNER, life_days=None)
    authenticate = AuthenticateCaller(stores, peppers, revocations, clock)
    return Access(authenticate, CountRequest(InMemoryRequestCounter(), clock), clock), token.text

"""Signing up: an address and a password become an account, and the account a consumer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.access.consumers import Consumer
from imagineart.access.limits import Limits
from imagineart.accounts.attempts import SIGN_UP, Attempts
from imagineart.accounts.model import MAX_SAFE_INTEGER, Account, RefusedError, network_of, normalize_email
from imagineart.accounts.passwords import Passwords
from imagineart.errors import InternalError
from imagineart.images.seeds import RandomBelow

ACCOUNT_LIMITS: Final = Limits(requests_per_minute=120, concurrent_requests=5)
"""Of a new account, until the operator changes them.

The reference polls a generation every two seconds, and its script ends with the first 429: three generations
at a time leave room for whatever else.
"""


class NewAccounts(Protocol):
    """Where accounts are added. See `AccountStore` for what each method does."""

    def claim_email(self, email: str, account_id: int, *, now: int) -> bool: ...

    def add(self, account: Account) -> bool: ...


class NewConsumers(Protocol):
    """Where consumers are added. See `ConsumerStore`."""

    def add_consumer(self, consumer: Consumer) -> bool: ...


@dataclass(frozen=True, slots=True)
class SignUp:
    """Makes accounts, where the operator has opened sign-up."""

    is_open: bool
    accounts: NewAccounts
    consumers: NewConsumers
    passwords: Passwords
    attempts: Attempts
    random_below: RandomBelow
    clock: Callable[[], float]

    def sign_up(self, email: str, password: str, *, full_name: str | None, client_address: str) -> Account:
        """The new account, whose consumer has `ACCOUNT_LIMITS`.

        Raises RefusedError where sign-up is closed or the address is taken; InvalidRequestError for what is
        no address; AttemptsReachedError.
        """
        if not self.is_open:
            raise RefusedError("Sign-up is closed. Contact the operator.")
        address = normalize_email(email)
        self.attempts.take(SIGN_UP, network_of(client_address))
        account = Account(
            id=1 + self.random_below(MAX_SAFE_INTEGER),
            email=address,
            password_hash=self.passwords.hash(password),
            created_at=int(self.clock()),
            full_name=full_name,
        )
        if not self.accounts.claim_email(address, account.id, now=account.created_at):
            raise RefusedError("An account with this email exists already.")
        # Its consumer first: an account that exists is complete.
        self.consumers.add_consumer(Consumer(account.consumer_id, ACCOUNT_LIMITS))
        if not self.accounts.add(account):
            raise InternalError(detail=f"the account id {account.id} is taken")
        return account

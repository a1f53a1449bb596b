"""Closing an account: all that is kept of it is erased, wherever it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from imagineart.accounts.model import Account


class ClosableAccounts(Protocol):
    """The accounts. See `AccountStore` for what each method does."""

    def begin_closing(self, account_id: int) -> None: ...

    def remove(self, account: Account) -> None: ...


class Consumers(Protocol):
    """Where consumers are removed. See `ConsumerStore`."""

    def remove_consumer(self, consumer_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class CloseAccount:
    """Erases accounts. Each of `erasures` erases what one feature keeps, and may be repeated."""

    accounts: ClosableAccounts
    consumers: Consumers
    erasures: Sequence[Callable[[Account], None]]

    def close(self, account: Account) -> None:
        """Erase an account, its own item last: where this fails, the caller can try again.

        Raises AwsCallError.
        """
        self.accounts.begin_closing(account.id)
        # Without its consumer, no request of it is admitted any more, and no job of it starts.
        self.consumers.remove_consumer(account.consumer_id)
        for erase in self.erasures:
            erase(account)
        self.accounts.remove(account)

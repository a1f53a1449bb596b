"""Logging in, in the same words and with the same work for a wrong password and an unknown account."""

from dataclasses import dataclass
from typing import Protocol

from imagineart.accounts.attempts import LOG_IN, Attempts
from imagineart.accounts.model import Account, RefusedError, network_of, normalize_email
from imagineart.accounts.passwords import Passwords
from imagineart.accounts.sessions import Session, SessionTokens


class AccountsByEmail(Protocol):
    """Where accounts are found. See `AccountStore.find_by_email`."""

    def find_by_email(self, email: str) -> Account | None: ...


@dataclass(frozen=True, slots=True)
class LogIn:
    """Exchanges an address and its password for a session."""

    accounts: AccountsByEmail
    passwords: Passwords
    attempts: Attempts
    sessions: SessionTokens

    def log_in(self, email: str, password: str, *, client_address: str) -> str:
        """A session token; of an account whose erasure was interrupted, one that can erase it and no more.

        Raises RefusedError for a wrong address or password, the same for both; AttemptsReachedError after
        too many failures of this client with this account; InvalidRequestError for what is no address.
        """
        address, network = normalize_email(email, field="username"), network_of(client_address)
        self.attempts.take(LOG_IN, address, network)
        account = self.accounts.find_by_email(address)
        is_right = self.passwords.matches(account.password_hash if account else None, password)
        if account is None or not is_right:
            raise RefusedError("Incorrect email or password")
        self.attempts.forget(LOG_IN, address, network)
        return self.sessions.issue(Session(account.id, account.session_epoch))

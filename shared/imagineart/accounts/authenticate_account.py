"""Which account is calling: a session token, or an API key that the operator issued to the account."""

from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.access.authenticate import Authenticator, Caller
from imagineart.access.tokens import ALL_SCOPES
from imagineart.accounts.model import Account, account_id_of
from imagineart.accounts.sessions import SessionTokens, refused_session
from imagineart.errors import InvalidTokenError, MissingBearerTokenError

_KEY_PREFIX: Final = "iart_"
_SESSION: Final = "session"


class AccountsById(Protocol):
    """The accounts. See `AccountStore` for what each method does."""

    def find(self, account_id: int) -> Account | None: ...

    def end_sessions(self, account: Account) -> None: ...


@dataclass(frozen=True, slots=True)
class AccountCaller:
    """An account that calls, and the consumer that its request counts for."""

    account: Account
    caller: Caller
    by_key: bool = False


@dataclass(frozen=True, slots=True)
class AuthenticateAccount:
    """Checks bearer tokens of accounts."""

    accounts: AccountsById
    sessions: SessionTokens
    authenticator: Authenticator

    def authenticate(self, bearer: str | None, *, sent_over_plain_http: bool) -> AccountCaller:
        """The account whose token is `bearer`; one that is closing has authenticated too.

        A live token that came over plain HTTP is ended at once: a key alone, a session with all others.

        Raises MissingBearerTokenError, InvalidTokenError, and for keys what `Authenticator` raises.
        """
        if not bearer:
            raise MissingBearerTokenError
        if bearer.startswith(_KEY_PREFIX):
            return self._by_key(bearer, sent_over_plain_http=sent_over_plain_http)
        session = self.sessions.read(bearer)
        account = self.accounts.find(session.account_id)
        if account is None or account.session_epoch != session.epoch:
            raise refused_session(f"session of account {session.account_id}: ended")
        if sent_over_plain_http:
            self.accounts.end_sessions(account)
            raise InvalidTokenError(
                "This token was sent over plain HTTP, so all sessions have ended. Use HTTPS and log in.",
                detail=f"session of account {account.id} sent over plain HTTP",
            )
        return AccountCaller(account, Caller(account.consumer_id, _SESSION, ALL_SCOPES))

    def _by_key(self, bearer: str, *, sent_over_plain_http: bool) -> AccountCaller:
        caller = self.authenticator.authenticate(bearer, sent_over_plain_http=sent_over_plain_http)
        account_id = account_id_of(caller.consumer_id)
        account = self.accounts.find(account_id) if account_id else None
        if account is None:
            raise refused_session(f"token {caller.token_id}: {caller.consumer_id} is no account")
        return AccountCaller(account, caller, by_key=True)

"""A forgotten password: a request for mail, the mail with a link, and the password that the link sets.

The request puts a message into a queue and does nothing else, so that it takes the same time and says the
same for an address that nobody has. Another function looks for the account and sends the mail.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlencode

from imagineart.accounts.attempts import FORGOT, MAIL, RESET, Attempts, AttemptsReachedError
from imagineart.accounts.mail import Mail
from imagineart.accounts.model import (
    RESET_SECONDS,
    Account,
    RefusedError,
    create_reset_token,
    network_of,
    normalize_email,
    parse_reset_token,
)
from imagineart.accounts.passwords import Passwords
from imagineart.images.seeds import RandomBelow

_SUBJECT: Final = "Reset your password"
_TEXT: Final = """\
Somebody, probably you, asked to reset the password of your account.
Choose a new one within {minutes} minutes:

{link}

If it was not you, do nothing: your password stays as it is.
"""


class Messages(Protocol):
    """The queue of the function that sends mail. See `Queue.send`."""

    def send(self, body: str) -> None: ...


class Mailer(Protocol):
    """What sends mail."""

    def send(self, mail: Mail) -> None: ...


class ResettableAccounts(Protocol):
    """The accounts. See `AccountStore` for what each method does."""

    def find_by_email(self, email: str) -> Account | None: ...

    def set_reset(self, account_id: int, digest: str, *, expires_at: int) -> None: ...

    def reset_password(self, account_id: int, digest: str, password_hash: str, *, now: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class ForgotPassword:
    """Accepts requests for mail."""

    messages: Messages
    attempts: Attempts

    def ask_for_mail(self, email: str, *, client_address: str) -> None:
        """Let the mail be sent, if an account has the address.

        Raises InvalidRequestError for what is no address; AttemptsReachedError.
        """
        address = normalize_email(email)
        self.attempts.take(FORGOT, address, network_of(client_address))
        self.messages.send(json.dumps({"email": address}))


@dataclass(frozen=True, slots=True)
class SendResetMail:
    """Sends the mail that was asked for. `page` is the URL that the link leads to."""

    accounts: ResettableAccounts
    mailer: Mailer
    attempts: Attempts
    page: str
    random_below: RandomBelow
    clock: Callable[[], float]

    def send(self, message: str, *, message_id: str) -> bool:
        """Handle a message of the queue, which comes again where this fails; False where no mail is due.

        Raises ValueError for a message of something else; AwsCallError.
        """
        email = str(json.loads(message)["email"])
        account = self.accounts.find_by_email(email)
        if account is None or account.is_closing:
            return False
        try:
            self.attempts.take(MAIL, email, nonce=message_id)
        except AttemptsReachedError:
            return False
        token = create_reset_token(account.id, self.random_below)
        expires_at = int(self.clock()) + RESET_SECONDS
        self.accounts.set_reset(account.id, token.digest, expires_at=expires_at)
        link = f"{self.page}?{urlencode({'token': token.text})}"
        self.mailer.send(Mail(email, _SUBJECT, _TEXT.format(minutes=RESET_SECONDS // 60, link=link)))
        return True


@dataclass(frozen=True, slots=True)
class ResetPassword:
    """Sets the password that came with a link's token."""

    accounts: ResettableAccounts
    passwords: Passwords
    attempts: Attempts
    clock: Callable[[], float]

    def reset(self, token: str, new_password: str, *, client_address: str) -> None:
        """Replace the password and end every session. A link works once.

        Raises RefusedError for a link that is unknown, used or too old; AttemptsReachedError.
        """
        self.attempts.take(RESET, network_of(client_address))
        parsed = parse_reset_token(token)
        if parsed is None or not self.accounts.reset_password(
            parsed.account_id, parsed.digest, self.passwords.hash(new_password), now=int(self.clock())
        ):
            raise RefusedError("Invalid or expired token. Ask for another mail.")

"""The composition root of accounts: the function of ImagineLab's API, and the one that sends mail."""

from collections.abc import Mapping
from functools import cached_property

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from imagineart.access.consumer_store import ConsumerStore
from imagineart.access.pepper_store import PEPPERS_CACHED_SECONDS, PepperStore
from imagineart.accounts.account_store import AccountStore
from imagineart.accounts.attempt_store import AttemptStore
from imagineart.accounts.attempts import Attempts
from imagineart.accounts.authenticate_account import AuthenticateAccount
from imagineart.accounts.close_account import CloseAccount
from imagineart.accounts.log_in import LogIn
from imagineart.accounts.mail import SesMailer
from imagineart.accounts.passwords import Passwords
from imagineart.accounts.reset_password import ForgotPassword, ResetPassword, SendResetMail
from imagineart.accounts.sessions import SessionTokens
from imagineart.accounts.sign_up import SignUp
from imagineart.aws import AwsCallError
from imagineart.bootstrap import LambdaServices
from imagineart.bootstrap_environment import Environment
from imagineart.dynamodb import DynamoDbTable
from imagineart.errors import InternalError
from imagineart.generations.create_generation import CreateGeneration
from imagineart.generations.manage_generations import ManageGenerations
from imagineart.generations.model import API
from imagineart.generations.number_store import NumberStore
from imagineart.generations.settle_credits import RepairCredits, SettleCredits
from imagineart.settings import AccountSettings, MailSettings, MetricsSettings
from imagineart.sqs import Queue


class AccountServices(LambdaServices):
    """The parts of one environment that serves ImagineLab's API (`ImagineLabServices`)."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """`variables` are the environment variables. Raises SettingsError."""
        super().__init__(variables)
        self._account_settings = AccountSettings.from_mapping(variables)
        self._passwords = Passwords()

    @cached_property
    def authenticate_account(self) -> AuthenticateAccount:
        return AuthenticateAccount(self._accounts, self._sessions, self.authenticator)

    @cached_property
    def sign_up(self) -> SignUp:
        return SignUp(
            self._account_settings.signup_is_open,
            self._accounts,
            self._account_consumers,
            self._passwords,
            self._attempts,
            self.random_below,
            self.clock,
        )

    @cached_property
    def log_in(self) -> LogIn:
        return LogIn(self._accounts, self._passwords, self._attempts, self._sessions)

    @cached_property
    def forgot_password(self) -> ForgotPassword:
        return ForgotPassword(Queue(self._clients, self._account_settings.mail_queue), self._attempts)

    @cached_property
    def reset_password(self) -> ResetPassword:
        return ResetPassword(self._accounts, self._passwords, self._attempts, self.clock)

    @cached_property
    def close_account(self) -> CloseAccount:
        return CloseAccount(
            self._accounts,
            self._account_consumers,
            (
                # Jobs first, which settle credits and usage when they end.
                lambda account: self.manage_jobs(API).erase(account.consumer_id),
                lambda account: self.media.erase(account.consumer_id),
                lambda account: self.uploads.erase(account.consumer_id),
                lambda account: self.idempotency.erase(account.consumer_id),
                lambda account: self._webhooks.erase(account.consumer_id),
                lambda account: self.connections.erase(account.consumer_id),
                lambda account: self.credits.erase(account.id),
                # A request of a key is counted, also one that is refused.
                lambda account: self._tokens.erase(account.consumer_id),
                lambda account: self.usage.erase(account.consumer_id),
            ),
        )

    @cached_property
    def repair_credits(self) -> RepairCredits:
        return RepairCredits(self.credits, self.jobs, self.clock)

    @cached_property
    def create_generation(self) -> CreateGeneration:
        return CreateGeneration(
            self._numbers,
            self.credits,
            self.repair_credits,
            self.accept_job,
            self.random_below,
            self.clock,
        )

    @cached_property
    def manage_generations(self) -> ManageGenerations:
        return ManageGenerations(self._numbers, self.manage_jobs(API), SettleCredits(self.credits))

    @cached_property
    def _numbers(self) -> NumberStore:
        return NumberStore(self._table(self._settings.jobs.table))

    @cached_property
    def _account_consumers(self) -> ConsumerStore:
        return ConsumerStore(self._table(self._settings.jobs.consumers_table))

    @cached_property
    def _accounts_table(self) -> DynamoDbTable:
        return self._table(self._account_settings.table)

    @cached_property
    def _accounts(self) -> AccountStore:
        return AccountStore(self._accounts_table)

    @cached_property
    def _attempts(self) -> Attempts:
        return Attempts(AttemptStore(self._accounts_table), self.random_below, self.clock)

    @cached_property
    def _sessions(self) -> SessionTokens:
        secret = self._secret(self._account_settings.session_secret, PEPPERS_CACHED_SECONDS)
        return SessionTokens(PepperStore(secret), self.clock)


class MailServices(Environment):
    """The parts of the function that sends mail; no connection is made before the first message."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """`variables` are the environment variables. Raises SettingsError."""
        super().__init__(variables, MetricsSettings.from_mapping(variables))
        settings = MailSettings.from_mapping(variables)
        self._has_sender = bool(settings.sender)
        table = self._table(settings.accounts_table)
        self._mail = SendResetMail(
            AccountStore(table),
            SesMailer(self._clients, settings.sender),
            Attempts(AttemptStore(table), self.random_below, self.clock),
            settings.reset_page,
            self.random_below,
            self.clock,
        )

    def send(self, record: SQSRecord) -> None:
        """Send the mail that a message asks for. Raises InternalError; ValueError for a malformed one."""
        if not self._has_sender:
            self.logger.warning("mail", request=record.message_id, outcome="no sender is configured")
            return
        try:
            is_sent = self._mail.send(record.body, message_id=record.message_id)
        except AwsCallError as error:
            self.logger.warning("mail", request=record.message_id, outcome=f"failed: {error.aws_code}")
            # Amazon SES quotes the address, and the log would have it with the exception.
            raise InternalError from None
        # Neither the address nor whether an account has it: the log is not the place for either.
        self.logger.info("mail", request=record.message_id, outcome="sent" if is_sent else "not due")

"""The composition root of the function that receives payments."""

from collections.abc import Mapping
from functools import cached_property

from imagineart.accounts.account_store import AccountStore
from imagineart.bootstrap import LambdaServices
from imagineart.payments.apply_payment import ApplyPayment
from imagineart.payments.stripe_payments import PAYMENT_SECRET_CACHED_SECONDS, StripePayments
from imagineart.settings import PaymentSettings


class PaymentServices(LambdaServices):
    """The parts of one environment that receives payments."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """`variables` are the environment variables. Raises SettingsError."""
        super().__init__(variables)
        self._payment_settings = PaymentSettings.from_mapping(variables)

    @cached_property
    def stripe_payments(self) -> StripePayments:
        secret = self._secret(self._payment_settings.secret, PAYMENT_SECRET_CACHED_SECONDS)
        return StripePayments(secret, self._payment_settings.stripe_url)

    @cached_property
    def apply_payment(self) -> ApplyPayment:
        accounts = AccountStore(self._table(self._payment_settings.accounts_table))
        return ApplyPayment(self.stripe_payments, accounts, self.credits)

"""What ImagineLab's API needs of a Lambda environment beside what every API needs."""

from typing import Protocol, cast

from starlette.requests import Request

from imagineart.accounts.authenticate_account import AuthenticateAccount
from imagineart.accounts.close_account import CloseAccount
from imagineart.accounts.log_in import LogIn
from imagineart.accounts.reset_password import ForgotPassword, ResetPassword
from imagineart.accounts.sign_up import SignUp
from imagineart.apis.common.services import Services
from imagineart.credits.change_credits import Credits
from imagineart.generations.create_generation import CreateGeneration
from imagineart.generations.manage_generations import ManageGenerations
from imagineart.generations.settle_credits import RepairCredits
from imagineart.payments.apply_payment import ApplyPayment, PaymentEvent


class ReadsPayments(Protocol):
    """Reads signed events. See `StripePayments.read_event`."""

    def read_event(self, payload: bytes, signature: str | None) -> PaymentEvent | None: ...


class ImagineLabServices(Services, Protocol):
    """Each part is made when it is first asked for."""

    @property
    def authenticate_account(self) -> AuthenticateAccount: ...

    @property
    def sign_up(self) -> SignUp: ...

    @property
    def log_in(self) -> LogIn: ...

    @property
    def forgot_password(self) -> ForgotPassword: ...

    @property
    def reset_password(self) -> ResetPassword: ...

    @property
    def close_account(self) -> CloseAccount: ...

    @property
    def credits(self) -> Credits: ...

    @property
    def repair_credits(self) -> RepairCredits: ...

    @property
    def create_generation(self) -> CreateGeneration: ...

    @property
    def manage_generations(self) -> ManageGenerations: ...


class PaymentServices(Protocol):
    """What the endpoint of payments needs."""

    @property
    def stripe_payments(self) -> ReadsPayments: ...

    @property
    def apply_payment(self) -> ApplyPayment: ...


def payment_services_of(request: Request) -> PaymentServices:
    """The parts of the environment that receives payments."""
    return cast(PaymentServices, request.app.state.services)


def services_of(request: Request) -> ImagineLabServices:
    """The parts of the environment that serves a request."""
    return cast(ImagineLabServices, request.app.state.services)

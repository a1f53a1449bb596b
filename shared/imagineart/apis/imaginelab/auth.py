"""/auth: signing up, logging in, a forgotten password, and the account itself."""

from typing import Any, Final, TypeVar

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request

from imagineart.accounts.model import (
    MAX_EMAIL_CHARACTERS,
    MAX_PASSWORD_CHARACTERS,
    MIN_PASSWORD_CHARACTERS,
)
from imagineart.apis.common.dependencies import CurrentCall
from imagineart.apis.common.fields import URLENCODED, read_fields
from imagineart.apis.common.validation import Fields
from imagineart.apis.imaginelab import documentation
from imagineart.apis.imaginelab.documentation import body_of
from imagineart.apis.imaginelab.route import AccountRoute, AnonymousRoute, ClosingRoute, CurrentAccount
from imagineart.apis.imaginelab.services import services_of
from imagineart.apis.imaginelab.views import describe_account

_Fields = TypeVar("_Fields", bound=Fields)

PREFIX: Final = "/imaginelab/api/v1"
MAIL_SENT: Final = "If that email is registered, we sent a password recovery link"

anonymous: Final = APIRouter(prefix=f"{PREFIX}/auth", route_class=AnonymousRoute, tags=["ImagineLab"])
own: Final = APIRouter(prefix=f"{PREFIX}/auth", route_class=AccountRoute, tags=["ImagineLab"])
closing: Final = APIRouter(prefix=f"{PREFIX}/auth", route_class=ClosingRoute, tags=["ImagineLab"])

_NEW_PASSWORD: Any = Field(min_length=MIN_PASSWORD_CHARACTERS, max_length=MAX_PASSWORD_CHARACTERS)


class SignUpFields(Fields):
    """A new account."""

    email: str = Field(min_length=1, max_length=MAX_EMAIL_CHARACTERS)
    password: str = _NEW_PASSWORD
    full_name: str | None = Field(None, max_length=255)


class LogInFields(Fields):
    """The form of OAuth2's password flow. Source: RFC 6749 4.3.2."""

    username: str = Field(min_length=1, max_length=MAX_EMAIL_CHARACTERS)
    password: str = Field(min_length=1, max_length=MAX_PASSWORD_CHARACTERS)
    grant_type: str = Field("password", json_schema_extra={"enum": ["password"]})
    scope: str = Field("", max_length=1000)
    client_id: str = Field("", max_length=1000)
    client_secret: str = Field("", max_length=1000)


class ForgotPasswordFields(Fields):
    """Whose password was forgotten."""

    email: str = Field(min_length=1, max_length=MAX_EMAIL_CHARACTERS)


class ResetPasswordFields(Fields):
    """A new password, with the token of the link that a mail brought."""

    token: str = Field(min_length=1, max_length=100)
    new_password: str = _NEW_PASSWORD


_EXAMPLE_EMAIL: Final = "ada@example.com"
_EXAMPLE_PASSWORD: Final = "correct horse battery"
_WITHOUT_TOKEN: Final[dict[str, Any]] = {"security": []}


@anonymous.post(
    "/signup",
    operation_id="imaginelab_sign_up",
    status_code=201,
    responses=documentation.SIGNED_UP,
    openapi_extra=_WITHOUT_TOKEN
    | body_of(SignUpFields, {"email": _EXAMPLE_EMAIL, "password": _EXAMPLE_PASSWORD}),
)
async def sign_up(request: Request) -> dict[str, Any]:
    """Create an account."""
    fields = await _read(SignUpFields, request)
    account = services_of(request).sign_up.sign_up(
        fields.email, fields.password, full_name=fields.full_name, client_address=_client_address(request)
    )
    return describe_account(account, credits=0)


@anonymous.post(
    "/login",
    operation_id="imaginelab_log_in",
    responses=documentation.LOGGED_IN,
    openapi_extra=_WITHOUT_TOKEN
    | body_of(
        LogInFields, {"username": _EXAMPLE_EMAIL, "password": _EXAMPLE_PASSWORD}, media_type=URLENCODED
    ),
)
async def log_in(request: Request) -> dict[str, str]:
    """Exchange an email and a password for an access token."""
    fields = await _read(LogInFields, request)
    token = services_of(request).log_in.log_in(
        fields.username, fields.password, client_address=_client_address(request)
    )
    return {"access_token": token, "token_type": "bearer"}


@anonymous.post(
    "/forgot-password",
    operation_id="imaginelab_forgot_password",
    responses=documentation.MESSAGE,
    openapi_extra=_WITHOUT_TOKEN | body_of(ForgotPasswordFields, {"email": _EXAMPLE_EMAIL}),
)
async def forgot_password(request: Request) -> dict[str, str]:
    """Send a link to reset the password, if the email is registered."""
    fields = await _read(ForgotPasswordFields, request)
    services_of(request).forgot_password.ask_for_mail(fields.email, client_address=_client_address(request))
    return {"message": MAIL_SENT}


@anonymous.post(
    "/reset-password",
    operation_id="imaginelab_reset_password",
    responses=documentation.MESSAGE,
    openapi_extra=_WITHOUT_TOKEN
    | body_of(ResetPasswordFields, {"token": "1.a-token", "new_password": _EXAMPLE_PASSWORD}),
)
async def reset_password(request: Request) -> dict[str, str]:
    """Set a new password with the token of a link, and end every session."""
    fields = await _read(ResetPasswordFields, request)
    services_of(request).reset_password.reset(
        fields.token, fields.new_password, client_address=_client_address(request)
    )
    return {"message": "Password updated successfully"}


@own.get("/me", operation_id="imaginelab_get_account", responses=documentation.ACCOUNT)
async def get_me(request: Request, account: CurrentAccount) -> dict[str, Any]:
    """Get the account that calls, with the credits that it may spend."""
    services = services_of(request)
    services.repair_credits.repair(account.id, account.consumer_id)
    return describe_account(account, credits=services.credits.find(account.id).balance)


@closing.delete("/me", operation_id="imaginelab_delete_account", responses=documentation.DELETED)
async def delete_me(request: Request, account: CurrentAccount, call: CurrentCall) -> dict[str, str]:
    """Delete the account that calls, and all that is kept of it."""
    services_of(request).close_account.close(account)
    # Neither this request nor the use of its key is counted: nothing is kept of an account that is gone.
    call.caller = None
    return {"message": "User deleted successfully"}


async def _read(model: type[_Fields], request: Request) -> _Fields:
    return model.read(await read_fields(request))


def _client_address(request: Request) -> str:
    """The address that connected to API Gateway; a header could say anything."""
    address: str = request.scope["aws.event"]["requestContext"]["identity"]["sourceIp"]
    return address

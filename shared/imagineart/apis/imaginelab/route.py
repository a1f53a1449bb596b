"""Routes of accounts: the caller is authenticated and counted before the body is read.

`OperationRoute` is around it, and turns what is raised here into the API's error response.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final, TypeAlias

from fastapi import Depends
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from imagineart.access.tokens import Scope
from imagineart.accounts.model import Account
from imagineart.accounts.sessions import refused_session
from imagineart.apis.common.authorization import (
    bearer_token,
    came_over_plain_http,
    rate_limit_headers,
    require_scope,
)
from imagineart.apis.common.call import Call
from imagineart.apis.common.operation import Operation
from imagineart.apis.common.route import OperationRoute
from imagineart.apis.imaginelab.services import services_of

_OPERATION: Final = Operation("imaginelab", scope=None)


class _NamedRoute(APIRoute):
    """API Gateway has one greedy path for all routes, so that the log names the route itself."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = super().get_route_handler()

        async def respond(request: Request) -> Response:
            call: Call = request.state.call
            call.record.log_fields.update(path=self.path_format)
            return await endpoint(request)

        return respond


class _AuthenticatedRoute(_NamedRoute):
    may_be_closing = False

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = super().get_route_handler()

        async def respond(request: Request) -> Response:
            call: Call = request.state.call
            services = services_of(request)
            _authenticate(call, may_be_closing=self.may_be_closing)
            try:
                return await endpoint(request)
            finally:
                # A key's request is settled as any other, and so that is noted which keys are used.
                if call.caller is None and call.admission is not None:
                    services.settlement.leave(call.admission)

        return respond


class AnonymousRoute(OperationRoute, _NamedRoute):
    """A route that needs no token."""

    operation = _OPERATION


class AccountRoute(OperationRoute, _AuthenticatedRoute):
    """A route of an account's session or API key."""

    operation = _OPERATION


class ClosingRoute(AccountRoute):
    """A route that an account may call again whose erasure was interrupted."""

    may_be_closing = True


def _authenticate(call: Call, *, may_be_closing: bool) -> None:
    """Find the account, and count its request. Raises InvalidTokenError, LimitReachedError and their kin."""
    headers, services = call.request.headers, services_of(call.request)
    came = services.authenticate_account.authenticate(
        bearer_token(headers.get("authorization", "")),
        sent_over_plain_http=came_over_plain_http(headers.get("x-forwarded-proto", "")),
    )
    call.record.log_fields.update(consumer=came.account.consumer_id, token_id=came.caller.token_id)
    if came.by_key:
        call.caller = came.caller
    require_scope(came.caller, Scope.GENERATE_IMAGES)
    if came.account.is_closing and not may_be_closing:
        raise refused_session(f"account {came.account.id}: closing")
    call.request.state.account = came.account
    if came.account.is_closing:
        # Its consumer may be gone already.
        return
    call.admission = services.limits.enter(came.account.consumer_id, lease_seconds=None)
    call.record.headers |= rate_limit_headers(call.admission.status)


async def _current_account(request: Request) -> Account:
    account: Account = request.state.account
    return account


CurrentAccount: TypeAlias = Annotated[Account, Depends(_current_account)]
"""The account that calls."""

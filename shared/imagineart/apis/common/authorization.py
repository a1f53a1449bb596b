"""What the headers of a request say of its caller, and what the response says of the caller's limits."""

from collections.abc import Mapping

from starlette.requests import Request

from imagineart.access.authenticate import Authenticator, Caller
from imagineart.access.limits import LimitStatus
from imagineart.access.tokens import MissingScopeError, Scope


def authenticate(authenticator: Authenticator, token: str | None, headers: Mapping[str, str]) -> Caller:
    """The caller whose token came with the headers. Raises what `Authenticator.authenticate` raises."""
    return authenticator.authenticate(
        token,
        sent_over_plain_http=came_over_plain_http(headers.get("x-forwarded-proto", "")),
    )


def require_scope(caller: Caller, scope: Scope, other: Scope | None = None) -> None:
    """Raises MissingScopeError where the caller's token was issued for neither."""
    if not caller.scopes & {scope, other}:
        raise MissingScopeError(needed=scope, held=caller.scopes)


def header_token(request: Request) -> str | None:
    """The bearer token of a request, or None where it has none."""
    return bearer_token(request.headers.get("authorization", ""))


def bearer_token(authorization: str) -> str | None:
    """The token of an Authorization header, or None where it has none. Source: RFC 6750 2.1."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def came_over_plain_http(forwarded_proto: str) -> bool:
    """Whether any hop in an X-Forwarded-Proto header was plain HTTP."""
    return "http" in (hop.strip().lower() for hop in forwarded_proto.split(","))


def rate_limit_headers(status: LimitStatus) -> dict[str, str]:
    """The limit's name, its size, what is left of it (requests or images), and its reset in Unix seconds."""
    return {
        "X-RateLimit-Resource": status.name,
        "X-RateLimit-Limit": str(status.limit),
        "X-RateLimit-Remaining": str(status.remaining),
        "X-RateLimit-Reset": str(status.reset_at),
    }

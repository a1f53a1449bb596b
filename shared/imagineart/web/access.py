"""The gate before every authenticated endpoint: who calls, over what, and within which limit."""

from collections.abc import Mapping
from dataclasses import dataclass

from imagineart.domain.errors import RateLimitedError
from imagineart.domain.ports import Clock
from imagineart.domain.rate_limits import RateLimitStatus
from imagineart.use_cases.authenticate_caller import AuthenticateCaller, Caller
from imagineart.use_cases.count_request import CountRequest


@dataclass(frozen=True, slots=True)
class Access:
    """The use cases that every authenticated request passes."""

    authenticate: AuthenticateCaller
    count: CountRequest
    clock: Clock

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """The caller named by the headers (any case). Raises what `AuthenticateCaller` raises."""
        return self.authenticate(
            bearer_token(headers.get("authorization", "")),
            sent_over_plain_http=came_over_plain_http(headers.get("x-forwarded-proto", "")),
        )

    def refuse_over_limit(self, status: RateLimitStatus) -> None:
        """Raises RateLimitedError where the counted request is over its consumer's limit."""
        if status.exceeded:
            raise RateLimitedError(
                f"The limit of {status.limit} requests a minute is used up. Retry as Retry-After says.",
                retry_after_seconds=max(1, status.reset_at - int(self.clock())),
            )


def bearer_token(authorization: str) -> str | None:
    """The token of an Authorization header, or None where it carries none. Source: RFC 6750 2.1."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def came_over_plain_http(forwarded_proto: str) -> bool:
    """Whether any hop in an X-Forwarded-Proto header was plain HTTP."""
    return "http" in (hop.strip().lower() for hop in forwarded_proto.split(","))


def rate_limit_headers(status: RateLimitStatus) -> dict[str, str]:
    """Limit and remaining in requests, reset in Unix seconds."""
    return {
        "X-RateLimit-Limit": str(status.limit),
        "X-RateLimit-Remaining": str(status.remaining),
        "X-RateLimit-Reset": str(status.reset_at),
    }

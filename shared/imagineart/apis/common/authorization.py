"""The gate before every authenticated endpoint: who calls, over what, what for, and within which limits."""

from collections.abc import Mapping
from dataclasses import dataclass

from imagineart.errors import InvalidRequestError, MissingScopeError
from imagineart.access.limits import LEASE_MARGIN_SECONDS
from imagineart.access.limits import LimitStatus
from imagineart.access.tokens import Operation
from imagineart.access.admit import Admission, AdmitRequest
from imagineart.access.authenticate import AuthenticateCaller, Caller


@dataclass(frozen=True, slots=True)
class Access:
    """The use cases that every authenticated request passes."""

    authenticate: AuthenticateCaller
    admit: AdmitRequest

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """The caller named by the headers (any case). Raises what `AuthenticateCaller` raises."""
        return self.authenticate(
            bearer_token(headers.get("authorization", "")),
            sent_over_plain_http=came_over_plain_http(headers.get("x-forwarded-proto", "")),
        )

    def let_in(
        self, caller: Caller, operation: Operation, *, remaining_seconds: float, may_be_replayed: bool
    ) -> Admission:
        """Count the request, which cannot last longer than `remaining_seconds`.

        One for images takes a slot, unless it may be answered with what was painted before; see `take_slot`.
        Raises MissingScopeError where the token is not good for the operation, LimitReachedError, and
        InvalidTokenError where its consumer is not registered.
        """
        if operation.scope not in caller.scopes:
            raise MissingScopeError(needed=operation.scope, held=caller.scopes)
        takes_slot = operation.model is not None and not may_be_replayed
        lease_seconds = remaining_seconds + LEASE_MARGIN_SECONDS if takes_slot else None
        return self.admit(caller.consumer_id, lease_seconds=lease_seconds)

    def take_slot(self, admission: Admission, *, remaining_seconds: float) -> Admission:
        """The admission with a slot, before anything is painted. Raises LimitReachedError."""
        lease_seconds = remaining_seconds + LEASE_MARGIN_SECONDS
        return self.admit.take_slot(admission, lease_seconds=lease_seconds)

    def reserve_images(self, admission: Admission, images: int) -> Admission:
        """The admission, which has a slot, with `images` counted for the day. Raises LimitReachedError."""
        return self.admit.reserve_images(admission, images)


def require_model(admission: Admission, operation: Operation) -> None:
    """Raises InvalidRequestError where the operation's model is not available to the consumer."""
    model = operation.model
    if model is not None and not admission.consumer.may_use(model.id):
        available = ", ".join(sorted(admission.consumer.models or ()))
        raise InvalidRequestError(
            "model", f"'{model.id}', which serves {operation.path}, is not available to you; allowed are "
            f"{available}. The operator can allow it."
        )  # fmt: skip


def bearer_token(authorization: str) -> str | None:
    """The token of an Authorization header, or None where it carries none. Source: RFC 6750 2.1."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def came_over_plain_http(forwarded_proto: str) -> bool:
    """Whether any hop in an X-Forwarded-Proto header was plain HTTP."""
    return "http" in (hop.strip().lower() for hop in forwarded_proto.split(","))


def rate_limit_headers(status: LimitStatus) -> dict[str, str]:
    """Which limit, its size and what is left of it, in requests or images, and its reset in Unix seconds."""
    return {
        "X-RateLimit-Resource": status.name,
        "X-RateLimit-Limit": str(status.limit),
        "X-RateLimit-Remaining": str(status.remaining),
        "X-RateLimit-Reset": str(status.reset_at),
    }

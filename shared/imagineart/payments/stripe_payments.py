"""Stripe: signed events of Checkout, and the purchase that each is about.

Credits are in the metadata of a price (``credits``), and the account in the ``client_reference_id`` of the
checkout session. An event has neither the prices nor, for a refund, the session, so that both are read.
Sources: https://docs.stripe.com/webhooks and https://docs.stripe.com/payments/checkout/fulfill-orders
"""

import json
from dataclasses import dataclass
from typing import Any, Final

import stripe

from imagineart.errors import InternalError, InvalidRequestError, UnknownRequestError
from imagineart.payments.apply_payment import PaymentEvent, PaymentEventKind, Purchase
from imagineart.secrets_manager import CachedSecret

PAYMENT_SECRET_CACHED_SECONDS: Final = 60.0
TOLERANCE_SECONDS: Final = 300
"""How old a signature may be, which is Stripe's own default."""

_IS_PAID: Final = "paid"
_PAID: Final = ("checkout.session.completed", "checkout.session.async_payment_succeeded")
_TAKEN_BACK: Final = ("refund.created", "charge.dispute.funds_withdrawn")
_SESSION_PREFIX: Final = "cs_"
_MAX_ITEMS: Final = 100


@dataclass(frozen=True, slots=True)
class StripePayments:
    """One account of Stripe. The secret is ``{"webhook_secret": "whsec_...", "api_key": "sk_..."}``."""

    secret: CachedSecret
    url: str

    def read_event(self, payload: bytes, signature: str | None) -> PaymentEvent | None:
        """The event of a request; None for one that changes no credits.

        Raises InvalidRequestError for a wrong signature, and UnknownRequestError where Stripe is not
        configured.
        """
        try:
            stripe.WebhookSignature.verify_header(
                payload, signature, self._key("webhook_secret"), TOLERANCE_SECONDS
            )
            event = json.loads(payload)
            kind, about = event["type"], event["data"]["object"]
            if kind in _PAID and about["payment_status"] == _IS_PAID:
                return PaymentEvent(PaymentEventKind.PAID, about["id"], about["id"])
            if kind in _TAKEN_BACK and about.get("payment_intent"):
                return PaymentEvent(
                    PaymentEventKind.TAKEN_BACK, about["id"], about["payment_intent"], int(about["amount"])
                )
        except stripe.SignatureVerificationError as error:
            problem = "does not match the body; allowed: the signature of a recent event of Stripe."
            raise InvalidRequestError("Stripe-Signature", problem) from error
        except (KeyError, TypeError, ValueError) as error:
            problem = "is no event of Stripe that this API knows."
            raise InvalidRequestError("body", problem, detail=type(error).__name__) from error
        return None

    def find(self, event: PaymentEvent) -> Purchase | None:
        """The purchase of an event; None where none of credits was paid. Raises InternalError."""
        client = stripe.StripeClient(
            self._key("api_key"), base_addresses={"api": self.url}, max_network_retries=2
        )
        try:
            sessions = client.v1.checkout.sessions
            if event.purchase.startswith(_SESSION_PREFIX):
                session: Any = sessions.retrieve(event.purchase)
            else:
                found = sessions.list({"payment_intent": event.purchase, "limit": 1}).data
                if not found:
                    return None
                session = found[0]
            items = sessions.line_items.list(session.id, {"limit": _MAX_ITEMS}).data
        except stripe.StripeError as error:
            raise InternalError(detail=f"stripe: {type(error).__name__}") from error
        return _purchase(session, items)

    def _key(self, name: str) -> str:
        key = self.secret.read().get(name)
        if not isinstance(key, str) or not key:
            raise UnknownRequestError("Payments are not configured.", detail=f"no {name} in PaymentSecret")
        return key


def _purchase(session: Any, items: Any) -> Purchase | None:
    reference = session.client_reference_id or ""
    credits = sum(_credits(item) for item in items)
    if (
        not (reference.isascii() and reference.isdigit())
        or credits <= 0
        or session.payment_status != _IS_PAID
    ):
        return None
    return Purchase(session.id, int(reference), credits, int(session.amount_total or 0))


def _credits(item: Any) -> int:
    """What a line of a purchase buys. Raises InternalError for a price whose metadata is wrong."""
    metadata: Any = item.price.metadata if item.price else None
    text = metadata.to_dict().get("credits", "0") if metadata else "0"
    if not (text.isascii() and text.isdigit()):
        raise InternalError(detail=f"stripe: the price {item.price.id} has the credits {text[:40]!r}")
    return int(text) * int(item.quantity or 0)

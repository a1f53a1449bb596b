"""POST /imaginelab/payments/stripe: Stripe's events of purchases, refunds and disputes."""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request

from imagineart.apis.common.dependencies import CurrentCall
from imagineart.apis.common.route import unauthenticated
from imagineart.apis.imaginelab.services import payment_services_of

router: Final = APIRouter(route_class=unauthenticated("payments"))


@router.post("/imaginelab/payments/stripe", include_in_schema=False)
async def receive_payment(request: Request, call: CurrentCall) -> dict[str, bool]:
    """Apply an event, which Stripe signs, and sends again until it gets a 200."""
    services = payment_services_of(request)
    payload = await request.body()
    event = services.stripe_payments.read_event(payload, request.headers.get("stripe-signature"))
    outcome = services.apply_payment.apply(event) if event else "ignored"
    call.record.log_fields.update(payment=str(outcome), reference=event.reference if event else None)
    return {"received": True}

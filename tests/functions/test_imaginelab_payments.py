"""Stripe's signed events grant credits for what was paid, and take them back; each once."""

import json
import re
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest
import stripe
from typer.testing import CliRunner

from cli.__main__ import app
from cli.deployments import Deployment as ChosenDeployment
from imagineart.aws import AwsCallError
from imagineart.credits.wallet_store import WalletStore
from tests.functions.conftest import Deploy
from tests.functions.deployment import Change, Deployment, function_properties
from tests.functions.stripe_server import API_KEY, StripeServer, serving_stripe
from tests.functions.test_imaginelab_accounts import BASE
from tests.functions.test_imaginelab_generations import Customer

SECRET = "whsec_a-signing-secret"
numbers = count(1)


class Shop:
    """A deployment whose payments come from a Stripe of its own."""

    def __init__(self, api: Deployment, server: StripeServer) -> None:
        self.api, self.server = api, server
        self.configure({"webhook_secret": SECRET, "api_key": API_KEY})

    def configure(self, keys: dict[str, str]) -> None:
        secret = self.api.references["PaymentSecret"]
        self.api.aws("secretsmanager").put_secret_value(SecretId=secret, SecretString=json.dumps(keys))

    def send(self, kind: str, about: dict[str, Any], *, secret: str = SECRET, age: int = 0) -> httpx.Response:
        """An event, signed by Stripe's own library."""
        body = json.dumps({"id": "evt_1", "object": "event", "type": kind, "data": {"object": about}})
        signature = stripe.WebhookSignature.generate_signature_header(body, secret, int(time.time()) - age)
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        with self.api.client() as client:
            return client.post("/imaginelab/payments/stripe", content=body, headers=headers)

    def complete(
        self, session: str, kind: str = "checkout.session.completed", **changes: Any
    ) -> httpx.Response:
        return self.send(kind, self.server.sessions[session] | changes)

    def refund(self, name: str, payment: str, amount: int, kind: str = "refund.created") -> httpx.Response:
        return self.send(kind, {"id": name, "payment_intent": payment, "amount": amount})


@pytest.fixture(scope="module")
def server() -> Iterator[StripeServer]:
    with serving_stripe() as running:
        yield running


def paid_at(server: StripeServer) -> Change:
    """Let payments be of a stand-in for Stripe."""

    def change(document: dict[str, Any]) -> None:
        variables = function_properties(document, "ReceivePaymentFunction")["Environment"]["Variables"]
        variables["IMAGINEART_STRIPE_URL"] = server.url

    return change


@pytest.fixture
def shop(deploy: Deploy, server: StripeServer) -> Shop:
    server.is_down = False
    return Shop(deploy(paid_at(server)), server)


def test_a_paid_session_grants_the_credits_of_its_prices_once(shop: Shop) -> None:
    customer = Customer(shop.api, credits=0)
    session = shop.server.sell(next(numbers), customer.id, credits=50, quantity=2)
    for kind in ("checkout.session.completed", "checkout.session.async_payment_succeeded"):
        for _ in range(2):
            response = shop.complete(session, kind)
            assert (response.status_code, response.json()) == (200, {"received": True})
    assert customer.balance == 100


def test_what_is_not_paid_or_buys_no_credits_grants_nothing(shop: Shop) -> None:
    customer = Customer(shop.api, credits=0)
    session = shop.server.sell(next(numbers), customer.id)
    assert shop.complete(session, payment_status="unpaid").status_code == 200
    assert shop.complete(session, "checkout.session.expired").status_code == 200
    for account, credits in ((customer.id, 0), ("somebody", 50), (7, 50)):
        assert shop.complete(shop.server.sell(next(numbers), account, credits=credits)).status_code == 200
    assert customer.balance == 0
    assert shop.api.operator.credits.find(7).balance == 0


def test_refunds_and_disputes_take_back_their_part_once(shop: Shop) -> None:
    customer = Customer(shop.api, credits=0)
    number = next(numbers)
    shop.complete(shop.server.sell(number, customer.id, credits=50))
    for _ in range(2):
        assert shop.refund("re_1", f"pi_{number}", 500).status_code == 200
    assert customer.balance == 25
    shop.refund("re_2", f"pi_{number}", 100)
    assert customer.balance == 20
    # An inquiry withdraws no money, and may never do.
    shop.refund("du_1", f"pi_{number}", 1000, "charge.dispute.created")
    assert customer.balance == 20
    shop.refund("du_1", f"pi_{number}", 1000, "charge.dispute.funds_withdrawn")
    assert customer.balance == 0
    assert shop.refund("re_3", "pi_unknown", 100).status_code == 200


def test_a_refund_that_comes_before_its_payment_takes_the_credits_back(shop: Shop) -> None:
    customer = Customer(shop.api, credits=0)
    number = next(numbers)
    session = shop.server.sell(number, customer.id, credits=50)
    assert shop.refund(f"re_{number}", f"pi_{number}", 600).status_code == 200
    assert customer.balance == 20
    assert shop.complete(session).status_code == 200
    assert customer.balance == 20


def test_a_refund_of_what_was_never_paid_changes_nothing(shop: Shop) -> None:
    customer = Customer(shop.api, credits=0)
    number = next(numbers)
    session = shop.server.sell(number, customer.id)
    shop.server.sessions[session]["payment_status"] = "unpaid"
    assert shop.refund(f"re_{number}", f"pi_{number}", 600).status_code == 200
    assert customer.balance == 0


@pytest.mark.parametrize("forged", [{"secret": "whsec_another"}, {"age": 301}])
def test_an_event_that_stripe_did_not_sign_recently_is_refused(shop: Shop, forged: dict[str, Any]) -> None:
    customer = Customer(shop.api, credits=0)
    session = shop.server.sessions[shop.server.sell(next(numbers), customer.id)]
    response = shop.send("checkout.session.completed", session, **forged)
    assert response.status_code == 400
    assert response.json()["detail"].startswith("Stripe-Signature: does not match the body")
    assert customer.balance == 0


def test_an_outage_of_stripe_lets_it_send_the_event_again(shop: Shop) -> None:
    customer = Customer(shop.api, credits=0)
    session = shop.server.sell(next(numbers), customer.id)
    shop.server.is_down = True
    response = shop.complete(session)
    assert response.status_code == 500
    assert response.json()["detail"].startswith("Internal error.")
    shop.server.is_down = False
    assert shop.complete(session).status_code == 200
    assert customer.balance == 50


def test_without_keys_payments_are_unknown(shop: Shop) -> None:
    shop.configure({})
    response = shop.send("refund.created", {"id": "re", "payment_intent": "pi", "amount": 1})
    assert (response.status_code, response.json()) == (404, {"detail": "Payments are not configured."})


def test_a_deleted_account_is_paid_nothing(shop: Shop) -> None:
    customer = Customer(shop.api, credits=0)
    session = shop.server.sell(next(numbers), customer.id)
    customer.client.delete(f"{BASE}/auth/me")
    assert shop.complete(session).status_code == 200
    assert shop.api.operator.credits.find(customer.id).balance == 0


def test_an_account_that_is_being_deleted_is_paid_nothing(shop: Shop) -> None:
    customer = Customer(shop.api, credits=0)
    session = shop.server.sell(next(numbers), customer.id)
    shop.api.aws("dynamodb").update_item(
        TableName=shop.api.references["AccountsTable"],
        Key={"key": {"S": f"account#{customer.id}"}},
        UpdateExpression="SET is_closing = :true",
        ExpressionAttributeValues={":true": {"BOOL": True}},
    )
    assert shop.complete(session).status_code == 200
    assert [*shop.api.operator.wallets.entries(customer.id)] == []


def test_a_grant_of_the_operator_that_failed_can_be_repeated_and_is_made_once(
    api: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = Customer(api, credits=0)
    monkeypatch.setattr(ChosenDeployment, "find_services", lambda _: api.operator)
    command = ["credits", "grant", customer.email, "50"]

    def fail(*_: object, **__: object) -> None:
        raise AwsCallError("InternalServerError", detail="dynamodb update_item")

    with monkeypatch.context() as outage:
        outage.setattr(WalletStore, "end_change", fail)
        failed = CliRunner().invoke(app, command)
    assert failed.exit_code == 1
    again = re.search(r"--reference \S+(?=,)", " ".join(failed.stderr.split()))
    assert again is not None
    for _ in range(2):
        repeated = CliRunner().invoke(app, [*command, *again[0].split(), "--json"])
        assert json.loads(repeated.stdout) == {"email": customer.email, "granted": 50, "balance": 50}

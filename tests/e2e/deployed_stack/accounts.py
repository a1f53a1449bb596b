"""What the functions of accounts do in a deployment.

Each probe returns whether everything worked, where one permission is taken away.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import stripe

from tests.e2e.deployed_stack.aws_account import ALIAS, AwsAccount
from tests.e2e.deployed_stack.jobs import JobsOfAConsumer, stop_queues
from tests.e2e.target import bearer
from tests.functions.stripe_server import API_KEY, serving_stripe

BASE = "/imaginelab/api/v1/auth"
GENERATIONS = "/imaginelab/api/v1/generations"
PASSWORD = "correct horse battery"
ORDER = {"generation_type": "image", "model_name": "text-to-image", "prompt": "a lighthouse"}


@dataclass(frozen=True)
class Person:
    """Somebody without an account yet."""

    client: httpx.Client
    email: str

    def sign_up(self) -> bool:
        signed_up = self.client.post(f"{BASE}/signup", json={"email": self.email, "password": PASSWORD})
        return signed_up.status_code == 201

    def log_in(self) -> dict[str, str] | None:
        """The header of a session, or None where the log-in fails."""
        response = self.client.post(f"{BASE}/login", data={"username": self.email, "password": PASSWORD})
        return bearer(response.json()["access_token"]) if response.status_code == 200 else None


@contextlib.contextmanager
def somebody(account: AwsAccount) -> Iterator[Person]:
    """Somebody new, whose address may try as if nobody had tried before."""
    table = {"TableName": account.id_of("AccountsTable")}
    dynamodb = account.client("dynamodb")
    for item in dynamodb.scan(**table)["Items"]:
        if item["key"]["S"].startswith("attempts#"):
            dynamodb.delete_item(**table, Key={"key": item["key"]})
    with account.target.client() as client:
        yield Person(client, f"probe-{time.time_ns()}@example.com")


def lives_and_ends(account: AwsAccount) -> bool:
    """An account is made, used, and erased, its consumer included."""
    with somebody(account) as person:
        session = person.log_in() if person.sign_up() else None
        if session is None or person.client.get(f"{BASE}/me", headers=session).status_code != 200:
            return False
        return person.client.delete(f"{BASE}/me", headers=session).status_code == 200


def erases_what_keys_left(account: AwsAccount) -> bool:
    """An account with an API key, a stored response and a session of WebSocket connections is erased."""
    with somebody(account) as person:
        assert person.sign_up()
        session = person.log_in()
        own = f"account-{person.client.get(f'{BASE}/me', headers=session).json()['id']}"
        account.target.succeed(f"token create {own}")
        key = f"responses/{own}/record/attempt"
        account.client("s3").put_object(Bucket=account.id_of("IdempotencyBucket"), Key=key, Body=b"")
        item = {"id": {"S": f"session#{own}"}, "consumer_id": {"S": own}}
        account.client("dynamodb").put_item(TableName=account.id_of("ConnectionsTable"), Item=item)
        return person.client.delete(f"{BASE}/me", headers=session).status_code == 200


def generates(account: AwsAccount) -> bool:
    """One generation is made by the worker, another is deleted while it waits; then their account is."""
    stop_queues(account)
    with somebody(account) as person:
        session = person.log_in() if person.sign_up() else None
        assert session is not None
        person.client.headers.update(session)
        account.target.succeed(f"credits grant {person.email} 10")
        ordered = [person.client.post(GENERATIONS, json=ORDER) for _ in range(2)]
        listed = person.client.get(GENERATIONS)
        if [each.status_code for each in (*ordered, listed)] != [201, 201, 200]:
            return False
        made, waiting = (each.json() for each in ordered)
        if JobsOfAConsumer(account, f"account-{made['user_id']}", person.client).messages() != 2:
            return False
        # What a worker did not settle would be settled when it is deleted.
        if not _handle(account, "RunJobFunction", made) or _credits(account, person) != (0, 5):
            return False
        deleted = [person.client.delete(f"{GENERATIONS}/{each['id']}") for each in (waiting, made)]
        is_given_back = _credits(account, person) == (5, 0)
        closed = person.client.delete(f"{BASE}/me")
        return is_given_back and {each.status_code for each in (*deleted, closed)} == {200}


def _credits(account: AwsAccount, person: Person) -> tuple[int, int]:
    """What somebody may spend, and what is reserved."""
    shown = json.loads(account.target.succeed(f"credits show {person.email} --json"))
    return shown["balance"], shown["reserved"]


def writes_text(account: AwsAccount) -> bool:
    """The worker makes a text with the package's model, for which the emulator has a stand-in."""
    stop_queues(account)
    with somebody(account) as person:
        assert person.sign_up()
        person.client.headers.update(person.log_in() or {})
        account.target.succeed(f"credits grant {person.email} 2")
        order = {"generation_type": "text", "model_name": "text-to-text", "prompt": "a lighthouse"}
        ordered = person.client.post(GENERATIONS, json=order).json()
        assert _handle(account, "RunJobFunction", ordered)
        made = person.client.get(f"{GENERATIONS}/{ordered['id']}").json()
        return bool(made["status"] == "completed")


def _handle(account: AwsAccount, function: str, generation: dict[str, Any]) -> bool:
    """Whether a function handles the message of a generation's job."""
    consumer_id, table = f"account-{generation['user_id']}", account.id_of("JobsTable")
    key = {"consumer_id": {"S": consumer_id}, "id": {"S": f"generation#{generation['id']}"}}
    item = account.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    body = json.dumps({"consumer_id": consumer_id, "job_id": item["job_id"]["S"]})
    event = {"Records": [{"messageId": "m", "receiptHandle": "r", "body": body, "eventSource": "aws:sqs"}]}
    name = f"{account.id_of(function)}:{ALIAS}"
    invoked = account.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return "FunctionError" not in invoked and not json.load(invoked["Payload"])["batchItemFailures"]


def takes_a_payment(account: AwsAccount) -> bool:
    """After a cold start, the credits of a purchase at a stand-in for Stripe are in the ledger."""
    keys = {"webhook_secret": "whsec_rehearsal", "api_key": API_KEY}
    secret = account.id_of("PaymentSecret")
    account.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=json.dumps(keys))
    with (
        somebody(account) as person,
        serving_stripe() as server,
        account.with_variables("ReceivePaymentFunction", IMAGINEART_STRIPE_URL=server.url),
    ):
        assert person.sign_up()
        me = person.client.get(f"{BASE}/me", headers=person.log_in()).json()
        session = server.sessions[server.sell(1, me["id"])]
        about = {"type": "checkout.session.completed", "data": {"object": session}}
        body = json.dumps(about)
        signature = stripe.WebhookSignature.generate_signature_header(body, keys["webhook_secret"])
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        return (
            person.client.post("/imaginelab/payments/stripe", content=body, headers=headers).status_code
            == 200
        )


def logs_in_after_a_cold_start(account: AwsAccount) -> bool:
    account.restart("ImagineLabFunction")
    with somebody(account) as person:
        assert person.sign_up()
        return person.log_in() is not None


def asks_for_mail(account: AwsAccount) -> bool:
    with somebody(account) as person:
        asked = person.client.post(f"{BASE}/forgot-password", json={"email": person.email})
        return asked.status_code == 200


def sends_mail(account: AwsAccount) -> bool:
    """The function, called by hand, has the mail's link ready; the emulator lets nobody send it."""
    with somebody(account) as person:
        assert person.sign_up()
        body = json.dumps({"email": person.email})
        event = {
            "Records": [{"messageId": "m", "receiptHandle": "r", "body": body, "eventSource": "aws:sqs"}]
        }
        name = f"{account.id_of('SendMailFunction')}:{ALIAS}"
        account.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        items = account.client("dynamodb").scan(TableName=account.id_of("AccountsTable"))["Items"]
        return any("reset_digest" in each for each in items if each.get("email") == {"S": person.email})

"""The end of a job is sent to its `webhook_url`, once, whatever fails between the end and its sending."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook as Verifier

from tests.fault_backend import Response
from tests.functions.deployment import Deployment, assert_error, edit, generate
from tests.functions.generating_backend import GeneratingBackend, always, image_file
from tests.receiver import Receiver

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def own_client(own_api: Deployment) -> Iterator[httpx.Client]:
    """A client that wants jobs, of an API whose queues no other test fills."""
    with own_api.client(own_api.issue_token("acme"), **ASYNC) as client:
        yield client


def accept(client: httpx.Client, receiver: Receiver) -> str:
    """The path of a new job with a webhook."""
    response = generate(client, webhook_url=receiver.url)
    assert response.status_code == 202, response.text
    assert "a-secret" not in response.text
    path: str = response.headers["Location"]
    return path


def items(api: Deployment, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.aws("dynamodb").scan(TableName=api.references[table])["Items"]
    return found


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_the_end_of_a_job_is_sent_signed_with_what_a_caller_reads_of_it(
    own_api: Deployment, own_client: httpx.Client, receiver: Receiver, backend: GeneratingBackend, state: str
) -> None:
    secret = own_api.operator.rotate_secrets.create("acme")
    if state == "failed":
        backend.reply = always(Response(401))
    path = accept(own_client, receiver)
    if state == "cancelled":
        own_client.post(f"{path}/cancel")
    assert not receiver.requests
    own_api.work_off()
    (request,) = receiver.requests
    payload = Verifier(secret).verify(request.body, request.headers)
    assert payload["type"] == f"job.{state}"
    assert payload["data"] == own_client.get(path).json()
    assert request.headers["webhook-id"] == f"wh_{payload['data']['id']}"
    for table in ("JobsTable", "WebhooksTable"):
        assert "a-secret" not in json.dumps(items(own_api, table))


def test_an_edit_has_a_webhook_too(own_api: Deployment, own_client: httpx.Client, receiver: Receiver) -> None:
    assert edit(own_client, image_file((8, 8)), webhook_url=receiver.url).status_code == 202
    own_api.work_off()
    assert len(receiver.requests) == 1


def test_a_webhook_is_refused_by_name_without_the_header_that_asks_for_a_job(
    api: Deployment, client: httpx.Client
) -> None:
    url = "https://hooks.example.com/?key=a-secret"
    for response in (generate(client, webhook_url=url), edit(client, image_file((8, 8)), webhook_url=url)):
        message = assert_error(response, 400, "invalid_request")
        assert message == "webhook_url: allowed with the header Prefer: respond-async alone."


@pytest.mark.parametrize("url", ["hooks.example.com", "ftp://hooks.example.com/", "https://10.0.0.1/"])
def test_a_url_that_cannot_be_reached_is_refused_when_the_job_is_accepted(
    own_api: Deployment, own_client: httpx.Client, url: str
) -> None:
    message = assert_error(generate(own_client, webhook_url=url), 400, "invalid_request")
    assert message.startswith("webhook_url: ")
    assert not items(own_api, "JobsTable")


def test_a_key_is_for_one_webhook(own_client: httpx.Client, receiver: Receiver) -> None:
    own_client.headers["Idempotency-Key"] = "a-key"
    path = accept(own_client, receiver)
    assert accept(own_client, receiver) == path
    other = generate(own_client, webhook_url="https://hooks.example.com/")
    assert "another request" in assert_error(other, 400, "invalid_request")


def test_a_webhook_that_could_not_be_queued_when_its_job_ended_is_queued_later(
    own_api: Deployment, own_client: httpx.Client, receiver: Receiver
) -> None:
    path = accept(own_client, receiver)
    dynamodb, name = own_api.aws("dynamodb"), own_api.references["WebhooksTable"]
    schema = dynamodb.describe_table(TableName=name)["Table"]
    dynamodb.delete_table(TableName=name)
    own_api.work_off()
    assert own_client.get(path).json()["status"] == "completed"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=schema["AttributeDefinitions"],
        KeySchema=schema["KeySchema"],
        GlobalSecondaryIndexes=[
            {key: index[key] for key in ("IndexName", "KeySchema", "Projection")}
            for index in schema["GlobalSecondaryIndexes"]
        ],
    )
    let_a_minute_pass_since_the_end(own_api)
    for _ in range(2):
        own_api.gateway.invoke("SweepJobsFunction", {})
        own_api.work_off()
    (request,) = receiver.requests
    assert json.loads(request.body)["data"] == own_client.get(path).json()


def let_a_minute_pass_since_the_end(api: Deployment) -> None:
    """Set the end of every job to long ago."""
    for item in items(api, "JobsTable"):
        if "ended_at" in item:
            api.aws("dynamodb").put_item(
                TableName=api.references["JobsTable"], Item=item | {"ended_at": {"N": "1"}}
            )


def test_deleting_a_job_deletes_its_webhook(
    own_api: Deployment, own_client: httpx.Client, receiver: Receiver
) -> None:
    receiver.answers = [(500, {})]
    tried, waiting = accept(own_client, receiver), accept(own_client, receiver)
    own_client.post(f"{waiting}/cancel")
    own_api.work_off()
    assert len(items(own_api, "WebhooksTable")) == 2
    for path in (tried, waiting):
        assert own_client.delete(path).status_code == 204
    assert not items(own_api, "WebhooksTable")

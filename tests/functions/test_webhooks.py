"""A webhook is signed, delivered once, tried again by its schedule, and given up in the end."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError
from typer.testing import CliRunner

from cli.__main__ import app
from cli.deployments import Deployment as ChosenDeployment
from imagineart.bootstrap_webhooks import DeliveryServices
from imagineart.dynamodb import number
from imagineart.webhooks.model import (
    DELAYS_SECONDS,
    LEASE_SECONDS,
    RESENT_SECONDS,
    State,
    Webhook,
    standard_body,
)
from local.cloud import runtime_variables
from local.environments import FunctionCrashError
from local.function_variables import function_variables
from local.template import PROJECT
from tests.functions.deployment import Deployment, message_event, template
from tests.receiver import HANG_UP, Answer, Receiver

JOB = {"id": "job_1", "status": "completed", "images": [{"url": "/v1/jobs/job_1/images/0"}]}
FAILS: Answer = (500, {})


@dataclass
class Consumer:
    """A consumer with a receiver, and the operator of the deployment."""

    api: Deployment
    receiver: Receiver
    id: str
    events: int = 0

    def queue(self, url: str | None = None, type: str = "job.completed") -> str:
        """The id of the webhook of another job that ended."""
        self.events += 1
        body = standard_body(type, JOB, time.time())
        return self.api.operator.manage_webhooks.queue.queue_webhook(
            self.id, event_id=f"job_{self.events}", type=type, body=body, url=url or self.receiver.url
        )

    def messages(self) -> list[dict[str, str]]:
        """What is in the queue of this consumer's and visible; it is removed."""
        sqs, queue = self.api.aws("sqs"), {"QueueUrl": self.api.references["WebhooksQueue"]}
        found = []
        while received := sqs.receive_message(**queue, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                sqs.delete_message(**queue, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return [each for each in found if each["consumer_id"] == self.id]

    def deliver(self, webhook_id: str) -> None:
        """Let the function handle a message of a webhook."""
        self.api.gateway.invoke("DeliverWebhookFunction", message_event(self.id, webhook_id))

    def sweep(self) -> list[str]:
        """The ids of the webhooks for which the sweeper sends messages."""
        self.api.gateway.invoke("DeliverWebhookFunction", {"source": "aws.events"})
        return [each["webhook_id"] for each in self.messages()]

    def webhook(self, webhook_id: str) -> Webhook:
        return self.api.operator.manage_webhooks.find(self.id, webhook_id)

    def item(self, webhook_id: str) -> dict[str, Any]:
        item: dict[str, Any] = self.api.aws("dynamodb").get_item(**self._where(webhook_id))["Item"]
        return item

    def set(self, webhook_id: str, **numbers: float) -> None:
        """Change times in the item, as if more or less time had passed."""
        changed = {name: number(int(value)) for name, value in numbers.items()}
        table = self.api.references["WebhooksTable"]
        self.api.aws("dynamodb").put_item(TableName=table, Item=self.item(webhook_id) | changed)

    def outcomes(self, webhook_id: str) -> list[tuple[str, int | None]]:
        return [(each.outcome, each.status) for each in self.webhook(webhook_id).attempts]

    def _where(self, webhook_id: str) -> dict[str, Any]:
        key = {"consumer_id": {"S": self.id}, "key": {"S": f"webhook#{webhook_id}"}}
        return {"TableName": self.api.references["WebhooksTable"], "Key": key}


@pytest.fixture
def consumer(api: Deployment) -> Iterator[Consumer]:
    with Receiver() as receiver:
        consumer_id = api.new_consumer_id()
        api.issue_token(consumer_id)
        yield Consumer(api, receiver, consumer_id)


# The request


@pytest.mark.parametrize("type", ["job.completed", "job.failed", "job.cancelled"])
def test_a_webhook_arrives_signed_with_its_event(consumer: Consumer, type: str) -> None:
    secret = consumer.api.operator.rotate_secrets.create(consumer.id)
    webhook_id = consumer.queue(type=type)
    assert consumer.messages() == [{"consumer_id": consumer.id, "webhook_id": webhook_id}]
    consumer.deliver(webhook_id)
    (request,) = consumer.receiver.requests
    payload = Verifier(secret).verify(request.body, request.headers)
    assert payload.keys() == {"type", "timestamp", "data"}
    assert (payload["type"], payload["data"]) == (type, JOB)
    assert request.headers["webhook-id"] == webhook_id
    assert request.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Verifier(secret).verify(request.body + b" ", request.headers)


def test_a_webhook_is_signed_before_its_secret_is_shown(consumer: Consumer) -> None:
    consumer.deliver(consumer.queue())
    (request,) = consumer.receiver.requests
    secret = consumer.api.operator.rotate_secrets.create(consumer.id)
    assert Verifier(secret).verify(request.body, request.headers)


def test_both_secrets_sign_during_the_overlap_and_the_new_one_alone_after_it(consumer: Consumer) -> None:
    operator = consumer.api.operator.rotate_secrets
    old = operator.create(consumer.id)
    new, _ = operator.rotate(consumer.id, overlap_hours=24)
    consumer.deliver(consumer.queue())
    newest, _ = operator.rotate(consumer.id, overlap_hours=0)
    consumer.deliver(consumer.queue())
    during, after = consumer.receiver.requests
    for secret, request, is_valid in (
        (old, during, True), (new, during, True), (newest, during, False),
        (old, after, False), (new, after, False), (newest, after, True),
    ):  # fmt: skip
        if is_valid:
            assert Verifier(secret).verify(request.body, request.headers)
        else:
            with pytest.raises(WebhookVerificationError):
                Verifier(secret).verify(request.body, request.headers)


def test_consumers_have_different_secrets(consumer: Consumer) -> None:
    other = consumer.api.new_consumer_id()
    consumer.api.issue_token(other)
    operator = consumer.api.operator.rotate_secrets
    assert operator.create(consumer.id) != operator.create(other)


def test_the_receiver_of_the_guide_accepts_a_webhook_once_and_refuses_a_forged_one(
    consumer: Consumer,
) -> None:
    guide = (PROJECT / "docs" / "guide.md").read_text().partition("## Webhooks\n")[2]
    program = guide.partition("```python\n")[2].partition("```\n")[0]
    secret = consumer.api.operator.rotate_secrets.create(consumer.id)
    variables = os.environ | {"PORT": "0", "IMAGINEART_WEBHOOK_SECRET": secret}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as receiver:
        assert receiver.stdout
        url = f"http://127.0.0.1:{receiver.stdout.readline().split()[-1]}/hook"
        webhook_id = consumer.queue(url=url)
        consumer.deliver(webhook_id)
        consumer.api.operator.manage_webhooks.redeliver(consumer.id, webhook_id, url=url)
        consumer.deliver(webhook_id)
        consumer.api.operator.rotate_secrets.rotate(consumer.id, overlap_hours=0)
        forged = consumer.queue(url=url)
        consumer.deliver(forged)
        receiver.terminate()
        printed = receiver.stdout.read()
    assert consumer.outcomes(webhook_id) == [("delivered", 204)] * 2
    assert consumer.outcomes(forged) == [("refused", 400)]
    assert printed == "job.completed job_1\n"


# Attempts


def test_a_webhook_that_failed_is_sent_again_with_its_id_and_body(consumer: Consumer) -> None:
    consumer.receiver.answers += [FAILS, HANG_UP, (200, {})]
    webhook_id = consumer.queue()
    for _ in range(3):
        consumer.set(webhook_id, due_at=0)
        consumer.deliver(webhook_id)
    first, *others = consumer.receiver.requests
    assert [(each.body, each.headers["webhook-id"]) for each in others] == [(first.body, webhook_id)] * 2
    assert consumer.outcomes(webhook_id) == [("refused", 500), ("broken_off", None), ("delivered", 200)]
    assert consumer.webhook(webhook_id).state is State.DELIVERED


@pytest.mark.parametrize("status", [301, 307, 400, 404, 429, 500, 503])
def test_only_a_2xx_is_success_and_no_redirect_is_followed(consumer: Consumer, status: int) -> None:
    consumer.receiver.answers.append((status, {"Location": consumer.receiver.url}))
    webhook_id = consumer.queue()
    consumer.deliver(webhook_id)
    assert consumer.outcomes(webhook_id) == [("refused", status)]
    assert consumer.webhook(webhook_id).state is State.PENDING
    assert len(consumer.receiver.requests) == 1


def test_attempts_come_by_the_schedule_until_the_webhook_is_given_up(consumer: Consumer) -> None:
    consumer.receiver.answers += [FAILS] * 8
    webhook_id = consumer.queue()
    for delay in DELAYS_SECONDS[1:]:
        consumer.set(webhook_id, due_at=0)
        began = int(time.time())
        consumer.deliver(webhook_id)
        waits = consumer.webhook(webhook_id).due_at - began
        assert delay <= waits <= delay * 1.1 + time.time() - began + 1
    consumer.set(webhook_id, due_at=0)
    consumer.deliver(webhook_id)
    assert consumer.webhook(webhook_id).state is State.GIVEN_UP
    assert consumer.outcomes(webhook_id) == [("refused", 500)] * 7
    consumer.deliver(webhook_id)
    assert len(consumer.receiver.requests) == 7


@pytest.mark.parametrize(("given", "seconds"), [("120", 120), ("90000", 86_400), ("0", 5), ("soon", 5)])
def test_retry_after_is_honoured_up_to_a_day(consumer: Consumer, given: str, seconds: int) -> None:
    consumer.receiver.answers.append((429, {"Retry-After": given}))
    webhook_id = consumer.queue()
    began = int(time.time())
    consumer.deliver(webhook_id)
    waits = consumer.webhook(webhook_id).due_at - began
    assert seconds <= waits <= seconds + time.time() - began + 1


def test_a_url_is_removed_when_its_webhook_is_delivered_or_given_up(consumer: Consumer) -> None:
    consumer.receiver.answers += [(200, {}), (410, {}), FAILS]
    delivered, gone = consumer.queue(), consumer.queue(url=f"{consumer.receiver.url}&gone=1")
    failing = consumer.queue(url=f"{consumer.receiver.url}&failing=1")
    for webhook_id in (delivered, gone, failing):
        consumer.deliver(webhook_id)
    has_url = {
        each: "a-secret-of-the-receiver" in str(consumer.item(each)) for each in (delivered, gone, failing)
    }
    assert has_url == {delivered: False, gone: False, failing: True}


def test_410_stops_the_url_until_it_is_enabled(consumer: Consumer) -> None:
    consumer.receiver.answers.append((410, {}))
    first, second = consumer.queue(), consumer.queue()
    elsewhere = consumer.queue(url=f"{consumer.receiver.url}&another=1")
    for webhook_id in (first, second, elsewhere):
        consumer.deliver(webhook_id)
    assert [consumer.outcomes(each) for each in (first, second, elsewhere)] == [
        [("gone", 410)], [("stopped", None)], [("delivered", 204)],
    ]  # fmt: skip
    assert consumer.webhook(second).state is State.GIVEN_UP
    assert consumer.api.operator.manage_webhooks.enable(consumer.id) == 1
    third = consumer.queue()
    consumer.deliver(third)
    assert consumer.outcomes(third) == [("delivered", 204)]


# Lost and doubled messages, crashes


def test_a_doubled_message_does_not_double_a_delivery(consumer: Consumer) -> None:
    consumer.receiver.answers.append(FAILS)
    delivered, failed = consumer.queue(), consumer.queue()
    for webhook_id in (failed, failed, delivered, delivered):
        consumer.deliver(webhook_id)
    assert len(consumer.receiver.requests) == 2


def test_an_event_that_is_queued_twice_has_one_webhook(consumer: Consumer) -> None:
    first = consumer.queue()
    consumer.events = 0
    assert consumer.queue(type="job.failed") == first
    assert consumer.webhook(first).type == "job.completed"
    assert len(consumer.api.operator.manage_webhooks.list(consumer.id, limit=9)) == 1


def test_a_webhook_whose_message_is_lost_is_swept_once_until_the_next_time(consumer: Consumer) -> None:
    lost, fresh = consumer.queue(), consumer.queue()
    consumer.messages()
    consumer.set(lost, sweep_at=time.time() - 1)
    assert consumer.sweep() == [lost]
    assert consumer.sweep() == []
    assert 0 < int(consumer.item(lost)["sweep_at"]["N"]) - time.time() <= RESENT_SECONDS
    assert consumer.webhook(fresh).state is State.PENDING


def test_a_webhook_that_is_due_beyond_the_delays_of_sqs_is_sent_by_the_sweeper(consumer: Consumer) -> None:
    consumer.receiver.answers.append((503, {"Retry-After": "3600"}))
    webhook_id = consumer.queue()
    consumer.messages()
    consumer.deliver(webhook_id)
    item = consumer.item(webhook_id)
    assert item["sweep_at"] == item["due_at"]
    consumer.set(webhook_id, sweep_at=time.time() - 1, due_at=time.time() - 1)
    assert consumer.sweep() == [webhook_id]
    consumer.deliver(webhook_id)
    assert consumer.webhook(webhook_id).state is State.DELIVERED


def test_an_attempt_that_crashed_is_made_again_when_its_lease_ends(consumer: Consumer) -> None:
    webhook_id = consumer.queue()
    consumer.messages()
    held = time.time() + LEASE_SECONDS
    consumer.set(webhook_id, lease_ends_at=held, sweep_at=held, tries=1)
    consumer.deliver(webhook_id)
    assert (consumer.receiver.requests, consumer.sweep()) == ([], [])
    consumer.set(webhook_id, lease_ends_at=time.time() - 1, sweep_at=time.time() - 1)
    assert consumer.sweep() == [webhook_id]
    consumer.deliver(webhook_id)
    assert len(consumer.receiver.requests) == 1
    assert consumer.webhook(webhook_id).tries == 2


def test_a_webhook_whose_every_attempt_crashes_is_given_up(consumer: Consumer) -> None:
    webhook_id = consumer.queue()
    consumer.set(webhook_id, tries=len(DELAYS_SECONDS))
    consumer.deliver(webhook_id)
    assert consumer.outcomes(webhook_id) == [("crashed", None)]
    assert consumer.webhook(webhook_id).state is State.GIVEN_UP


def test_a_message_of_a_webhook_that_is_gone_does_nothing(consumer: Consumer) -> None:
    consumer.deliver("wh_unknown")
    assert consumer.receiver.requests == []
    assert consumer.messages() == []


def test_a_message_that_cannot_be_read_fails_so_that_the_queue_keeps_it(consumer: Consumer) -> None:
    event = message_event(consumer.id, "wh_1")
    event["Records"][0]["body"] = "{"
    with pytest.raises(FunctionCrashError):
        consumer.api.gateway.invoke("DeliverWebhookFunction", event)


# Addresses and secrets of receivers


def function_as_on_aws(consumer: Consumer, service: str) -> DeliveryServices:
    """The function with the template's own settings, which do not reach loopback."""
    function = template().functions["DeliverWebhookFunction"]
    runtime = runtime_variables(consumer.api.cloud_url) | {"IMAGINEART_REACH_LOOPBACK": "false"}
    variables = function_variables(function, consumer.api.references, runtime)
    return DeliveryServices(variables | {"POWERTOOLS_SERVICE_NAME": service})


@pytest.mark.parametrize(
    "host", ["http://127.0.0.1:{port}", "https://localhost:{port}", "https://127.0.0.1.nip.example:{port}"]
)
def test_on_aws_no_request_reaches_loopback(
    consumer: Consumer, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rebound(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    services = function_as_on_aws(consumer, "on-aws")
    deliver = services._webhooks
    services._webhooks = replace(deliver, http=replace(deliver.http, resolve=rebound))
    webhook_id = consumer.queue(url=f"{host.format(port=consumer.receiver.port)}/hook")
    services.deliver(SQSRecord(message_event(consumer.id, webhook_id)["Records"][0]))
    assert consumer.receiver.requests == []
    assert consumer.outcomes(webhook_id) == [("address_refused", None)]
    assert consumer.webhook(webhook_id).state is State.PENDING


def test_neither_url_nor_host_is_logged(consumer: Consumer, capsys: pytest.CaptureFixture[str]) -> None:
    services = function_as_on_aws(consumer, "log-of-webhooks")
    webhook_id = consumer.queue(url="https://hidden-host.example.invalid/hidden-path")
    for url in (None, "https://hidden-host.example.invalid/hidden-path"):
        webhook_id = consumer.queue(url=url)
        services.deliver(SQSRecord(message_event(consumer.id, webhook_id)["Records"][0]))
    written = capsys.readouterr().out
    assert f'"webhook":"{webhook_id}"' in written
    assert '"outcome":' in written
    for secret in ("hidden", "127.0.0.1", "a-secret-of-the-receiver"):
        assert secret not in written


# The operator's commands


@pytest.fixture
def run(consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command on the deployment; returns exit code, output and notes."""
    monkeypatch.setattr(ChosenDeployment, "find_services", lambda _: consumer.api.operator)

    def run(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, ["webhook", *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout, result.stderr

    return run


def test_a_secret_is_shown_once_and_rotated(consumer: Consumer, run: Any) -> None:
    assert run("rotate", consumer.id)[0] == 2
    code, secret, note = run("secret", consumer.id)
    assert (code, secret[:6], "Shown only now:" in note) == (0, "whsec_", True)
    code, _, refusal = run("secret", consumer.id)
    assert (code, "rotate it instead" in refusal) == (2, True)
    code, rotated, _ = run("rotate", consumer.id, "--overlap-hours", "1")
    assert (code, rotated[:6]) == (0, "whsec_")
    assert rotated != secret
    code, _, refusal = run("rotate", consumer.id, "--overlap-hours", "1000")
    assert (code, refusal) == (2, "overlap_hours: got 1000; allowed: 0 to 720.\n")
    assert run("secret", "nobody-here")[0] == 3


def test_a_url_is_tried_and_the_attempt_shown(consumer: Consumer, run: Any) -> None:
    code, out, _ = run("test", consumer.id, consumer.receiver.url, "--json")
    webhook_id = json.loads(out)["webhook_id"]
    assert (code, run("attempts", consumer.id)[1].splitlines()[1].split()[:3]) == (
        0, [webhook_id, "webhook.test", "pending"],
    )  # fmt: skip
    consumer.deliver(webhook_id)
    assert json.loads(consumer.receiver.requests[0].body)["type"] == "webhook.test"
    (shown,) = json.loads(run("attempts", consumer.id, "--webhook", webhook_id, "--json")[1])["webhooks"]
    assert (shown["state"], shown["next_attempt_at"]) == ("delivered", None)
    assert [(each["outcome"], each["status"]) for each in shown["attempts"]] == [("delivered", 204)]
    assert "a-secret-of-the-receiver" not in run("attempts", consumer.id, "--json")[1]
    code, _, refusal = run("test", consumer.id, "https://10.0.0.1/hook")
    assert (code, refusal.startswith("url: got the host '10.0.0.1'")) == (2, True)


def test_a_webhook_is_redelivered_with_its_id_and_needs_its_url_where_that_was_removed(
    consumer: Consumer, run: Any
) -> None:
    consumer.receiver.answers += [(503, {"Retry-After": "3600"}), (200, {}), (200, {})]
    webhook_id = consumer.queue()
    consumer.deliver(webhook_id)
    consumer.messages()
    assert run("redeliver", consumer.id, webhook_id)[0] == 0
    assert [each["webhook_id"] for each in consumer.messages()] == [webhook_id]
    consumer.deliver(webhook_id)
    code, _, refusal = run("redeliver", consumer.id, webhook_id)
    assert (code, "URL was removed when it was delivered" in refusal) == (2, True)
    assert run("redeliver", consumer.id, webhook_id, "--url", consumer.receiver.url)[0] == 0
    consumer.deliver(webhook_id)
    bodies = {each.body for each in consumer.receiver.requests}
    ids = [each.headers["webhook-id"] for each in consumer.receiver.requests]
    assert (len(bodies), ids) == (1, [webhook_id] * 3)
    assert run("redeliver", consumer.id, "wh_unknown")[0] == 3


def test_a_webhook_that_is_being_sent_is_not_redelivered_meanwhile(consumer: Consumer, run: Any) -> None:
    webhook_id = consumer.queue()
    consumer.set(webhook_id, lease_ends_at=time.time() + LEASE_SECONDS)
    code, _, refusal = run("redeliver", consumer.id, webhook_id)
    assert (code, "an attempt is being made" in refusal) == (2, True)


def test_stopped_urls_are_enabled(consumer: Consumer, run: Any) -> None:
    consumer.receiver.answers.append((410, {}))
    consumer.deliver(consumer.queue())
    assert run("enable", consumer.id)[1] == f"Enabled 1 URL of {consumer.id}.\n"
    assert json.loads(run("enable", consumer.id, "--json")[1])["enabled"] == 0

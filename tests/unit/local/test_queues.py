"""Queues call functions as Lambda lets them: what is handled is deleted, what is not comes again or dies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cloud import client, create_resources
from local.gateway import Gateway
from local.moto_server import serving_moto
from local.queues import EventSources
from local.template import Schedule, Template

FUNCTION = """
from pathlib import Path
def handler(event, context):
    seen = Path(__file__).parent / "seen"
    records = event.get("Records", [{"body": "schedule", "eventSourceARN": "", "messageId": ""}])
    for record in records:
        with seen.open("a") as file:
            file.write(record["eventSourceARN"].rpartition(":")[2] + " " + record["body"] + "\\n")
        if record["body"] == "crash" and record["eventSourceARN"].endswith(":Queue"):
            raise RuntimeError
    failed = [
        record["messageId"]
        for record in records
        if record["body"] == "fail" and record["eventSourceARN"].endswith(":Queue")
    ]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
"""


def queue_event(queue_id: str) -> dict[str, Any]:
    queue = {"Queue": {"Fn::GetAtt": f"{queue_id}.Arn"}, "BatchSize": 1}
    return {"Type": "SQS", "Properties": queue | {"FunctionResponseTypes": ["ReportBatchItemFailures"]}}


def document(folder: Path) -> dict[str, Any]:
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": "Dead.Arn"}, "maxReceiveCount": 2}
    events = {
        "Read": queue_event("Queue"),
        "ReadDead": queue_event("Dead"),
        "EachMinute": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)"}},
        "Daily": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)", "State": "DISABLED"}},
    }
    return {
        "Parameters": {},
        "Globals": {"Function": {"Handler": "handler.handler", "MemorySize": 128, "Timeout": 30}},
        "Resources": {
            "Api": {"Type": "AWS::Serverless::Api", "Properties": {"GatewayResponses": {}}},
            "Work": {
                "Type": "AWS::Serverless::Function",
                "Properties": {"CodeUri": str(folder), "Events": events},
            },
            "Queue": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"VisibilityTimeout": 0, "RedrivePolicy": redrive},
            },
            "Dead": {"Type": "AWS::SQS::Queue", "Properties": {}},
        },
    }


class World:
    """A template with a queue, its dead-letter queue and one function for both."""

    def __init__(self, folder: Path, url: str) -> None:
        (folder / "handler.py").write_text(FUNCTION)
        template = Template(document(folder))
        self.template, self._seen = template, folder / "seen"
        self.sqs = client("sqs", url)
        self.references = create_resources(template, url, {})
        self.gateway = Gateway(template, self.references, {})
        self.sources = EventSources(template, self.references, self.gateway, self.sqs)

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.references["Queue"], MessageBody=body)

    def seen(self) -> list[str]:
        return self._seen.read_text().splitlines() if self._seen.exists() else []

    def left(self, queue_id: str) -> int:
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=self.references[queue_id], AttributeNames=["All"]
        )["Attributes"]
        return sum(int(count) for name, count in attributes.items() if name.startswith("ApproximateNumber"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving_moto() as url:
        world = World(tmp_path, url)
        yield world
        world.sources.stop()
        world.gateway.close()


def test_a_message_that_is_handled_is_deleted(world: World) -> None:
    world.send("one", "two")
    assert world.sources.deliver_all() == 2
    assert world.seen() == ["Queue one", "Queue two"]
    assert world.left("Queue") == 0


@pytest.mark.parametrize("body", ["fail", "crash"])
def test_a_message_that_is_not_handled_comes_again_and_then_dies(world: World, body: str) -> None:
    world.send(body)
    assert world.sources.deliver_all() == 3
    assert world.seen() == [f"Queue {body}", f"Queue {body}", f"Dead {body}"]
    assert world.left("Queue") == world.left("Dead") == 0


def test_the_schedules_that_are_enabled_are_kept(world: World) -> None:
    assert world.template.schedules == [Schedule("Work", 60)]


def test_queues_are_read_while_the_stack_runs(world: World) -> None:
    world.sources.start()
    world.send("one")
    while not world.seen() or world.left("Queue"):
        pass
    assert set(world.seen()) == {"Queue one"}

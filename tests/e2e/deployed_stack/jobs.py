"""What the functions of jobs do in a deployment, each called by hand while the queues call nothing.

Each probe returns whether everything worked, where one permission is taken away.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from imagineart.jobs.model import JobKey
from imagineart.results.model import result_key
from tests.e2e.deployed_stack.aws_account import ALIAS, AwsAccount, Document
from tests.sample_images import sample

ASYNC = {"Prefer": "respond-async"}
SMALL = {"prompt": "a lighthouse", "resolution": "1K"}
WEBHOOK_URL = "https://hooks.example.com/"


@dataclass(frozen=True)
class JobsOfAConsumer:
    """Jobs of a new consumer, of which one may run at a time."""

    account: AwsAccount
    consumer: str
    client: httpx.Client

    def accept(self, *, is_edit: bool = False, **fields: str) -> str | None:
        """The id of a new job, or None where it is refused."""
        path, files = "generations", None
        if is_edit:
            path, files = "edits", {"images": ("image", sample("png"))}
        response = self.client.post(f"/v1/images/{path}", data=SMALL | fields, files=files, headers=ASYNC)
        return response.json()["id"] if response.status_code == 202 else None

    def status(self, job_id: str) -> str | None:
        response = self.client.get(f"/v1/jobs/{job_id}")
        return response.json()["status"] if response.status_code == 200 else None

    def run(self, job_id: str) -> bool:
        """Whether the worker says that it handled the message of a job."""
        return self._handle("RunJobFunction", job_id)

    def fail(self, job_id: str) -> bool:
        """Whether the sweeper says that it handled the dead message of a job."""
        return self._handle("SweepJobsFunction", job_id)

    def sweep(self) -> bool:
        """Whether the sweeper says that it looked at every consumer."""
        return "FunctionError" not in self._invoke("SweepJobsFunction", {"source": "aws.events"})

    def change(self, job_id: str, **attributes: Document) -> None:
        """Change a stored job."""
        dynamodb, table = self.account.client("dynamodb"), self.account.id_of("JobsTable")
        key = {"consumer_id": {"S": self.consumer}, "id": {"S": job_id}}
        item = dynamodb.get_item(TableName=table, Key=key)["Item"]
        dynamodb.put_item(TableName=table, Item=item | attributes)

    def has_place(self, job_id: str) -> bool:
        dynamodb, table = self.account.client("dynamodb"), self.account.id_of("JobsTable")
        key = {"consumer_id": {"S": self.consumer}, "id": {"S": "in_flight"}}
        item = dynamodb.get_item(TableName=table, Key=key).get("Item", {})
        return job_id in item.get("in_flight", {"SS": []})["SS"]

    def objects(self) -> list[str]:
        listed = self.account.client("s3").list_objects_v2(
            Bucket=self.account.id_of("JobsBucket"), Prefix=f"jobs/{self.consumer}/"
        )
        return [each["Key"] for each in listed.get("Contents", [])]

    def keep_as_result(self, job_id: str) -> None:
        """Let the images of a job be results."""
        self.change(job_id, result_life={"N": "60"})

    def put_result(self, job_id: str) -> None:
        """Put the result of a job into the bucket, as a worker that crashed might have."""
        self.account.client("s3").put_object(**self._result(job_id), Body=b"an image")

    def has_result(self, job_id: str) -> bool:
        found = self._result(job_id)
        listed = self.account.client("s3").list_objects_v2(Bucket=found["Bucket"], Prefix=found["Key"])
        return listed["KeyCount"] == 1

    def outcomes(self) -> list[str]:
        usage = self.account.target.succeed(f"usage show --consumer {self.consumer} --json")
        return sorted(row["outcome"] for row in json.loads(usage)["usage"] if row["model"] != "jobs")

    def images_today(self) -> int:
        item = self.account.client("dynamodb").get_item(
            TableName=self.account.id_of("ConsumersTable"), Key={"key": {"S": self.consumer}}
        )["Item"]
        return sum(int(value["N"]) for name, value in item.items() if name.startswith("day_"))

    def messages(self, queue: str = "JobsQueue") -> int:
        """How many messages of this consumer are in a queue, which is emptied."""
        sqs, url, count = self.account.client("sqs"), self.account.id_of(queue), 0
        while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            count += sum(self.consumer in message["Body"] for message in received)
            for message in received:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return count

    def _result(self, job_id: str) -> dict[str, str]:
        key = result_key(JobKey(self.consumer, job_id).result_nonce(0), media_type="image/png")
        return {"Bucket": self.account.id_of("ResultsBucket"), "Key": key}

    def _handle(self, function: str, job_id: str) -> bool:
        body = json.dumps({"consumer_id": self.consumer, "job_id": job_id})
        record = {"messageId": "1", "body": body, "eventSource": "aws:sqs"}
        invoked = self._invoke(function, {"Records": [record]})
        return "FunctionError" not in invoked and json.load(invoked["Payload"]) == {"batchItemFailures": []}

    def _invoke(self, function: str, event: Document) -> Any:
        name = f"{self.account.id_of(function)}:{ALIAS}"
        return self.account.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))


@contextlib.contextmanager
def new_jobs(account: AwsAccount) -> Iterator[JobsOfAConsumer]:
    stop_queues(account)
    consumer = f"probe-{time.time_ns()}"
    account.target.succeed(f"consumer create {consumer} --concurrent-requests 1 --images-per-day 50")
    token = account.target.succeed(f"token create {consumer}").strip()
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=account.target.base_url, headers=headers, timeout=300) as client:
        yield JobsOfAConsumer(account, consumer, client)


def stop_queues(account: AwsAccount) -> None:
    """Let no queue call a function from now on."""
    functions = account.client("lambda")
    for source in functions.list_event_source_mappings()["EventSourceMappings"]:
        if source["State"] == "Enabled":
            functions.update_event_source_mapping(UUID=source["UUID"], Enabled=False)


def accepts_and_sends(account: AwsAccount) -> bool:
    """The first job at once; the second one finds no place; the third one sends the second."""
    with new_jobs(account) as jobs:
        first, second = jobs.accept(), jobs.accept()
        account.target.succeed(f"consumer update {jobs.consumer} --concurrent-requests 2")
        third = jobs.accept(is_edit=True)
        if first is None or second is None or third is None:
            return False
        places = [jobs.has_place(job_id) for job_id in (first, second, third)]
        return places == [True, True, False] and jobs.messages() == 2


def runs_jobs(account: AwsAccount) -> bool:
    """An edit, which sends the next job, and one that fails, of which nothing is kept."""
    with new_jobs(account) as jobs:
        edit, failing = jobs.accept(is_edit=True), jobs.accept(is_edit=True)
        assert edit
        assert failing
        jobs.change(failing, model={"S": "a-model-that-is-gone"})
        if not jobs.run(edit) or not jobs.has_place(failing) or not jobs.run(failing):
            return False
        statuses = [jobs.status(edit), jobs.status(failing)]
        kept = [name for name in jobs.objects() if failing in name]
        outcomes = ["accepted", "model_not_available", "ok"]
        return statuses == ["completed", "failed"] and not kept and jobs.outcomes() == outcomes


def deletes_a_job_of_a_deleted_consumer(account: AwsAccount) -> bool:
    with new_jobs(account) as jobs:
        job_id = jobs.accept()
        assert job_id
        account.client("dynamodb").delete_item(
            TableName=account.id_of("ConsumersTable"), Key={"key": {"S": jobs.consumer}}
        )
        return jobs.run(job_id)


def keeps_results(account: AwsAccount) -> bool:
    """After a cold start; of a job that fails, none is left."""
    account.restart("RunJobFunction")
    with new_jobs(account) as jobs:
        done, failing = jobs.accept(), jobs.accept()
        assert done
        assert failing
        jobs.put_result(failing)
        jobs.change(failing, model={"S": "a-model-that-is-gone"})
        for job_id in (done, failing):
            jobs.keep_as_result(job_id)
            if not jobs.run(job_id):
                return False
        statuses = [jobs.status(done), jobs.status(failing)]
        kept = [jobs.has_result(done), jobs.has_result(failing)]
        return (statuses, kept) == (["completed", "failed"], [True, False])


def deletes_results_of_dead_jobs(account: AwsAccount) -> bool:
    with new_jobs(account) as jobs:
        dead = jobs.accept()
        assert dead
        jobs.put_result(dead)
        jobs.keep_as_result(dead)
        return jobs.fail(dead) and not jobs.has_result(dead)


def sweeps_jobs(account: AwsAccount) -> bool:
    """A job whose message is lost is sent again; one that is dead fails, and the next one is sent."""
    with new_jobs(account) as jobs:
        lost, waiting = jobs.accept(is_edit=True), jobs.accept()
        assert lost
        assert waiting
        jobs.messages()
        jobs.change(lost, due_at={"N": "1"})
        if not jobs.sweep() or jobs.messages() != 1:
            return False
        if not jobs.fail(lost) or not jobs.has_place(waiting):
            return False
        kept = [name for name in jobs.objects() if lost in name]
        is_given_back = jobs.images_today() == 1
        outcomes = ["accepted", "accepted", "internal_error"]
        return jobs.status(lost) == "failed" and not kept and is_given_back and jobs.outcomes() == outcomes


def manages_jobs(account: AwsAccount) -> bool:
    """A job is found, listed, cancelled, fetched, and deleted with what is kept of it."""
    with new_jobs(account) as jobs:
        done = jobs.accept(is_edit=True)
        assert done
        assert jobs.run(done)
        cancelled = jobs.accept()
        statuses = [
            jobs.client.get("/v1/jobs").status_code,
            jobs.client.post(f"/v1/jobs/{cancelled}/cancel").status_code,
            jobs.client.get(f"/v1/jobs/{done}/images/0").status_code,
            jobs.client.delete(f"/v1/jobs/{done}").status_code,
        ]
        return statuses == [200, 200, 200, 204] and not jobs.objects()


def queues_webhooks(account: AwsAccount) -> bool:
    with new_jobs(account) as jobs:
        job_id = jobs.accept(webhook_url=WEBHOOK_URL)
        assert job_id
        assert jobs.client.post(f"/v1/jobs/{job_id}/cancel").status_code == 200
        return jobs.messages("WebhooksQueue") == 1


def reports_that_an_image_was_deleted(account: AwsAccount) -> bool:
    with new_jobs(account) as jobs:
        done = jobs.accept()
        assert done
        assert jobs.run(done)
        for name in jobs.objects():
            account.client("s3").delete_object(Bucket=account.id_of("JobsBucket"), Key=name)
        return jobs.client.get(f"/v1/jobs/{done}/images/0").status_code == 404

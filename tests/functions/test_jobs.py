"""A request that prefers it gets a job, which a worker runs; its images are fetched where the job says."""

import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from imagineart.access.tokens import Scope
from imagineart.models.read_document import PACKAGED_FILE
from tests.fault_backend import Response
from tests.functions.conftest import Deploy
from tests.functions.deployment import (
    DUE,
    Deployment,
    assert_error,
    change_job,
    edit,
    generate,
    generate_series,
    open_png,
)
from tests.functions.generating_backend import (
    GeneratingBackend,
    always,
    colour_of,
    image_file,
)

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def own_client(own_api: Deployment) -> Iterator[httpx.Client]:
    """A client that wants jobs, of an API whose queue no other test fills."""
    with own_api.client(own_api.issue_token("acme", concurrent_requests=2), **ASYNC) as client:
        yield client


def accept(client: httpx.Client, **fields: str) -> str:
    """The path of a new job."""
    response = generate(client, **fields)
    assert response.status_code == 202, response.text
    path: str = response.headers["Location"]
    return path


def job_of(client: httpx.Client, path: str) -> dict[str, Any]:
    response = client.get(path)
    assert response.status_code == 200, response.text
    job: dict[str, Any] = response.json()
    return job


@pytest.mark.parametrize(("kind", "media_type"), [("JPEG", "image/jpeg"), ("WebP", "image/webp")])
def test_an_image_is_sent_as_what_its_job_made(
    own_api: Deployment, own_client: httpx.Client, kind: str, media_type: str
) -> None:
    """The item says it, though /v1 itself asks for PNGs alone."""
    path, jobs, table = accept(own_client), own_api.aws("dynamodb"), own_api.references["JobsTable"]
    (item,) = [item for item in jobs.scan(TableName=table)["Items"] if item["id"]["S"] in path]
    request = json.loads(item["request"]["S"]) | {"output_format": [kind, 80]}
    jobs.put_item(TableName=table, Item=item | {"request": {"S": json.dumps(request)}})
    own_api.work_off()
    image = own_client.get(f"{path}/images/0")
    assert image.headers["Content-Type"] == media_type
    with Image.open(io.BytesIO(image.content)) as opened:
        assert opened.format == kind.upper()


def test_a_job_is_accepted_run_and_fetched(own_api: Deployment, own_client: httpx.Client) -> None:
    response = generate(own_client, prompt="a lighthouse", seed="7")
    assert (response.status_code, response.headers["Preference-Applied"]) == (202, "respond-async")
    accepted = response.json()
    assert response.headers["Location"] == f"/v1/jobs/{accepted['id']}"
    assert (accepted["status"], accepted["images"], accepted["error"]) == ("queued", [], None)
    assert job_of(own_client, response.headers["Location"]) == accepted
    own_api.work_off()
    job = job_of(own_client, response.headers["Location"])
    assert (job["status"], job["progress"], job["attempts"]) == ("completed", {"finished": 1, "total": 1}, 1)
    (described,) = job["images"]
    assert (described["seed"], described["size"]) == (7, "1024x1024")
    image = own_client.get(described["url"])
    assert image.headers["Content-Type"] == "image/png"
    assert open_png(image.content).getpixel((5, 5)) == colour_of("a lighthouse")


def test_every_image_of_a_series_has_its_number(own_api: Deployment, own_client: httpx.Client) -> None:
    path = generate_series(own_client, 3, seed=5).headers["Location"]
    own_api.work_off()
    images = job_of(own_client, path)["images"]
    assert [image["seed"] for image in images] == [5, 6, 7]
    assert [image["url"] for image in images] == [f"{path}/images/{number}" for number in range(3)]
    assert {own_client.get(image["url"]).status_code for image in images} == {200}
    for number in ("3", "-1", "00", "x"):
        message = assert_error(own_client.get(f"{path}/images/{number}"), 404, "unknown_request")
        assert "0, 1, 2" in message


def test_an_edit_is_checked_when_it_is_accepted(
    own_api: Deployment, own_client: httpx.Client, backend: GeneratingBackend
) -> None:
    message = assert_error(edit(own_client, b"no image"), 400, "invalid_image")
    assert message.startswith("images[0]: ")
    response = edit(own_client, image_file((64, 32)), aspect_ratio="auto")
    assert response.status_code == 202
    own_api.work_off()
    job = job_of(own_client, response.headers["Location"])
    assert (job["status"], job["images"][0]["size"]) == ("completed", "1408x792")
    assert backend.requests[0].path.endswith("/edits")


def test_without_the_header_nothing_changes(own_api: Deployment) -> None:
    for value in ("", "wait=10", "respond-asynchronously"):
        with own_api.client(own_api.issue_token(), Prefer=value) as client:
            response = generate(client)
            assert (response.status_code, response.headers["Content-Type"]) == (200, "image/png")
    assert own_api.work_off() == 0


@pytest.mark.parametrize("value", ["respond-async, wait=10", "wait=5,Respond-Async;x=1"])
def test_the_preference_is_read_as_the_standard_has_it(own_api: Deployment, value: str) -> None:
    with own_api.client(own_api.issue_token(), Prefer=value) as client:
        assert generate(client).status_code == 202


def test_a_key_makes_one_job(own_api: Deployment, own_client: httpx.Client) -> None:
    own_client.headers["Idempotency-Key"] = "a-key"
    first, second = generate(own_client), generate(own_client)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.content == second.content
    assert [each.headers["Idempotent-Replayed"] for each in (first, second)] == ["false", "true"]
    assert second.headers["Location"] == first.headers["Location"]
    assert own_api.work_off() == 1
    del own_client.headers["Prefer"]
    assert "another request" in assert_error(generate(own_client), 400, "invalid_request")


def test_a_failed_job_says_why(
    own_api: Deployment, own_client: httpx.Client, backend: GeneratingBackend
) -> None:
    backend.reply = always(Response(401, json.dumps({"error": {"message": "wrong key"}}).encode()))
    path = accept(own_client)
    own_api.work_off()
    job = job_of(own_client, path)
    assert (job["status"], job["error"]["code"]) == ("failed", "model_auth_error")
    assert "wrong key" not in json.dumps(job)
    assert_error(own_client.get(f"{path}/images/0"), 404, "unknown_request")


def test_a_job_runs_on_the_models_of_its_time(
    own_api: Deployment, own_client: httpx.Client, backend: GeneratingBackend
) -> None:
    document = json.loads(PACKAGED_FILE.read_text())
    path = accept(own_client)
    document["models"] = [model for model in document["models"] if model["id"] != "text-to-image"]
    own_api.operator.manage_models.apply(json.dumps(document))
    own_api.work_off()
    job = job_of(own_client, path)
    assert (job["model"], job["status"]) == ("text-to-image", "failed")
    assert job["error"]["code"] == "model_not_available"
    assert not backend.requests


def test_jobs_are_listed_page_by_page(own_client: httpx.Client) -> None:
    paths = [accept(own_client) for _ in range(3)]
    listed = own_client.get("/v1/jobs").json()
    assert [f"/v1/jobs/{job['id']}" for job in listed["data"]] == paths[::-1]
    assert listed["next_page_token"] is None
    first = own_client.get("/v1/jobs?limit=2").json()
    second = own_client.get("/v1/jobs", params={"limit": 2, "page_token": first["next_page_token"]}).json()
    assert first["data"] + second["data"] == listed["data"]
    for query, field in (("limit=0", "limit"), ("limit=x", "limit"), ("page_token=x", "page_token")):
        assert assert_error(own_client.get(f"/v1/jobs?{query}"), 400, "invalid_request").startswith(field)


def test_a_job_is_cancelled_and_deleted(
    own_api: Deployment, own_client: httpx.Client, backend: GeneratingBackend
) -> None:
    path = accept(own_client)
    for _ in range(2):
        cancelled = own_client.post(f"{path}/cancel")
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    own_api.work_off()
    assert not backend.requests
    done = edit(own_client, image_file((8, 8))).headers["Location"]
    own_api.work_off()
    assert own_client.post(f"{done}/cancel").json()["status"] == "completed"
    for each in (path, done):
        deleted = own_client.delete(each)
        assert (deleted.status_code, deleted.content) == (204, b"")
        assert_error(own_client.get(each), 404, "unknown_request")
        assert_error(own_client.delete(each), 404, "unknown_request")
    assert own_api.objects("JobsBucket") == []


def test_a_job_is_its_consumers_alone(own_api: Deployment, own_client: httpx.Client) -> None:
    path = accept(own_client)
    with own_api.client(own_api.issue_token("other")) as other:
        assert_error(other.get(path), 404, "unknown_request")
        assert_error(other.post(f"{path}/cancel"), 404, "unknown_request")
        assert_error(other.delete(path), 404, "unknown_request")
        assert other.get("/v1/jobs").json()["data"] == []
    assert job_of(own_client, path)["status"] == "queued"


def test_a_token_that_may_make_images_may_see_jobs(own_api: Deployment) -> None:
    for scope in Scope:
        with own_api.client(own_api.issue_token(scopes=frozenset({scope}))) as client:
            may = scope in (Scope.GENERATE_IMAGES, Scope.EDIT_IMAGES)
            assert client.get("/v1/jobs").status_code == (200 if may else 401)


def test_a_job_counts_when_it_is_accepted_and_when_it_has_ended(own_api: Deployment) -> None:
    token = own_api.issue_token("acme", images_per_day=3)
    with own_api.client(token, **ASYNC) as client:
        path = generate_series(client, 3).headers["Location"]
        message = assert_error(generate(client), 429, "rate_limited")
        assert "3 images a day" in message
        own_api.work_off()
        assert job_of(client, path)["status"] == "completed"
    rows = {(row.operation, row.outcome): row.images for row in own_api.usage("acme")}
    assert rows[("text-to-image", "accepted")] == 0
    assert rows[("text-to-image", "ok")] == 3
    assert not own_api.consumer_item("acme").get("slots")


def test_a_consumer_has_no_more_messages_in_the_queue_than_it_may_have_requests(
    own_api: Deployment, own_client: httpx.Client
) -> None:
    paths = [accept(own_client) for _ in range(5)]
    attributes = own_api.aws("sqs").get_queue_attributes(
        QueueUrl=own_api.references["JobsQueue"], AttributeNames=["All"]
    )["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "2"
    assert own_api.work_off() == 5
    assert {job_of(own_client, path)["status"] for path in paths} == {"completed"}


def test_the_sweeper_sends_a_job_whose_message_is_lost(own_api: Deployment, own_client: httpx.Client) -> None:
    path = accept(own_client)
    own_api.aws("sqs").purge_queue(QueueUrl=own_api.references["JobsQueue"])
    assert own_api.work_off() == 0
    change_job(own_api, path, **DUE)
    own_api.gateway.invoke("SweepJobsFunction", {})
    assert own_api.work_off() == 1
    assert job_of(own_client, path)["status"] == "completed"


def test_a_job_whose_worker_fails_three_times_fails_and_says_so(
    deploy: Deploy, backend: GeneratingBackend
) -> None:
    api = deploy(visible_again_at_once)
    with api.client(api.issue_token("acme"), **ASYNC) as client:
        path = edit(client, image_file((8, 8))).headers["Location"]
        for key in api.objects("JobsBucket"):
            api.aws("s3").delete_object(Bucket=api.references["JobsBucket"], Key=key)
        assert api.work_off() == 3
        job = job_of(client, path)
    assert (job["status"], job["attempts"], job["error"]["code"]) == ("failed", 3, "internal_error")
    assert "3 times" in job["error"]["message"]
    assert not backend.requests


def visible_again_at_once(document: dict[str, Any]) -> None:
    """Let a message that a worker returns come again without a pause."""
    document["Resources"]["JobsQueue"]["Properties"]["VisibilityTimeout"] = 0


def test_a_dead_message_fails_its_job_and_one_of_something_else_is_dropped(
    own_api: Deployment, own_client: httpx.Client
) -> None:
    path = accept(own_client)
    sqs, references = own_api.aws("sqs"), own_api.references
    message = sqs.receive_message(QueueUrl=references["JobsQueue"])["Messages"][0]
    for body in (message["Body"], "no job"):
        sqs.send_message(QueueUrl=references["FailedJobsQueue"], MessageBody=body)
    sqs.send_message(QueueUrl=references["JobsQueue"], MessageBody="no job")
    assert own_api.work_off() == 3
    assert job_of(own_client, path)["error"]["code"] == "internal_error"

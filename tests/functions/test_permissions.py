"""The role of a function allows the calls that the function makes, and no others."""

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pybase64
import pytest

from imagineart.access.consumers import Consumer
from imagineart.access.limits import Limits
from imagineart.access.tokens import TokenKind
from local.bedrock.faults import Fault
from local.bedrock.server import BedrockServer
from local.cloud import runtime_variables
from tests.fault_backend import Response, refusal
from tests.functions import deployment
from tests.functions.deployment import (
    DUE,
    Cloud,
    Deployment,
    change_job,
    edit,
    generate,
    message_event,
    template,
)
from tests.functions.generating_backend import GeneratingBackend, always, image_file
from tests.functions.recorded_calls import RecordedCalls, name_the_functions
from tests.functions.socket_clients import ManagementServer, SocketClient, results_of
from tests.functions.stripe_server import serving_stripe
from tests.functions.test_imaginelab_generations import Customer
from tests.functions.test_imaginelab_payments import Shop, paid_at
from tests.functions.test_media_jobs import AT_ONCE, accept_media, stored_job, with_media_models
from tests.functions.test_runware import inference
from tests.media_server import MediaServer
from tests.permissions import Permission, granted_to
from tests.receiver import Receiver

Call = Callable[[httpx.Client], httpx.Response]
ULTRA = "stability.stable-image-ultra-v1:1"
LAB = "/imaginelab/api/v1/auth"
EVERY_FUNCTION = sorted(template().functions)


def edit_a_file(client: httpx.Client) -> httpx.Response:
    return edit(client, image_file((64, 64)), seed="7")


def generate_one(client: httpx.Client) -> httpx.Response:
    return generate(client, seed="7")


def request_upload(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/uploads", data={"content_type": "image/png", "size": "1"})


def list_jobs(client: httpx.Client) -> httpx.Response:
    return client.get("/v1/jobs")


def list_models(client: httpx.Client) -> httpx.Response:
    return client.get("/v1/models")


def generate_for_imagineo(client: httpx.Client) -> httpx.Response:
    client.headers["X-API-Key"] = client.headers["Authorization"].removeprefix("Bearer ")
    return client.post("/imagineo/v1/generate", json={"positive_prompt": "a lighthouse"})


def generate_for_imagine(client: httpx.Client, **headers: str) -> httpx.Response:
    form = {"prompt": (None, "a lighthouse"), "seed": (None, "7"), "high_res_results": (None, "1")}
    return client.post("/imagine/v1/imagine/api/generations", files=form, headers=headers)


TASK = {
    "taskType": "imageInference", "taskUUID": "7fb4e7f8-7d10-4a53-8a55-3e9f2f8f2a11",
    "positivePrompt": "a boat", "model": "imagineart:2.0@0", "width": 1024, "height": 1024,
}  # fmt: skip


def run_task(client: httpx.Client) -> httpx.Response:
    """The same task each time, whose replay has the same image."""
    response = client.post("/runware/v1", json=[TASK])
    if response.status_code == 200:
        uuid = response.json()["data"][0]["imageUUID"]
        response.headers["Idempotent-Replayed"] = str(uuid in seen_images).lower()
        seen_images.add(uuid)
    return response


seen_images: set[str] = set()
IMAGE_CALLS: dict[str, Call] = {"GenerateImageFunction": generate_one, "EditImageFunction": edit_a_file}


@pytest.fixture(scope="module")
def needed(
    cloud: Cloud, generating_server: GeneratingBackend, management: ManagementServer
) -> dict[str, set[Permission]]:
    """What each function needed while it did all that it can do."""
    calls = RecordedCalls()
    generating_server.reset()
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        BedrockServer(pixels=1 << 16) as bedrock,
        serving_stripe() as payments,
    ):
        calls.record(monkeypatch)
        monkeypatch.setattr(deployment, "runtime_variables", without_the_local_checker)
        backends = (
            f"bedrock us-west-2 {ULTRA} endpoint={bedrock.url} retries=0, "
            f"openai-compatible {generating_server.base_url} a-model"
        )
        api = cloud.deploy(
            generating_server.base_url,
            name_the_functions,
            paid_at(payments),
            generation_backends=backends,
            edit_backends=backends,
        )
        calls.references = api.references
        for call in (
            list_models,
            list_jobs,
            request_upload,
            generate_for_imagine,
            generate_for_imagineo,
            run_task,
            *IMAGE_CALLS.values(),
        ):
            send_as_every_caller(api, call)
        with api.client(api.issue_token()) as client:
            use_every_backend(client, bedrock)
            keep_images_at_urls(client)
            edit_uploads(client)
        with api.client(api.issue_token("tasks", concurrent_requests=1)) as client:
            run_every_task(api, client, bedrock)
        token = api.issue_token("jobs", images_per_day=100, concurrent_requests=1)
        with api.client(token) as client, Receiver() as receiver:
            use_jobs(api, client, bedrock, generating_server, receiver)
        orphan_a_job(api)
        for function_id, call in (IMAGE_CALLS | OTHER_CALLS).items():
            with api.client(api.issue_token(), **{"Idempotency-Key": "a-key"}) as client:
                repeat(api, client, calls, function_id, call)
        use_accounts(api)
        receive_payments(Shop(api, payments))
        serve_results(api)
        use_sockets(api, management, generating_server)
        api.gateway.invoke("ReviewTokensFunction", {})
        deliver_webhooks(api)
        use_media_jobs(api)
    cloud.empty()
    return calls.needed


OTHER_CALLS: dict[str, Call] = {
    "ImagineFunction": generate_for_imagine,
    "ImagineoFunction": generate_for_imagineo,
    "RunwareFunction": run_task,
}


def without_the_local_checker(*urls: str) -> dict[str, str]:
    variables = runtime_variables(*urls)
    return {name: each for name, each in variables.items() if name != "IMAGINEART_CONTENT_CHECKER"}


def run_every_task(api: Deployment, client: httpx.Client, bedrock: BedrockServer) -> None:
    """Tasks of Runware's API: made here and as jobs, with a fallback, with media and with a check."""

    def run(fields: dict[str, Any]) -> httpx.Response:
        return client.post("/runware/v1", json=[TASK | fields | {"taskUUID": str(uuid.uuid4())}])

    media = pybase64.b64encode(image_file((64, 64))).decode()
    upload = {
        "taskType": "mediaStorage",
        "taskUUID": str(uuid.uuid4()),
        "operation": "upload",
        "media": media,
    }
    kept = client.post("/runware/v1", json=[upload]).json()["data"][0]["mediaUUID"]
    checked = {"safety": {"checkContent": True}, "width": 2048, "height": 2048, "outputFormat": "PNG"}
    for method in ("sync", "async"):
        references = {"inputs": {"referenceImages": [kept]}, "width": 1536, "height": 1536}
        for fields in (checked, references):
            assert run(fields | {"deliveryMethod": method}).status_code == 200
    # The second job waits for the first one, and is sent before a third once there is room.
    api.operator.consumers.replace_consumer(Consumer("tasks", Limits(1_000, 3)))
    assert run({"deliveryMethod": "async"}).status_code == 200
    bedrock.fail(Fault.INTERNAL)
    assert run({}).status_code == 200
    unknown = {"inputs": {"referenceImages": [str(uuid.uuid4())]}, "width": 1536, "height": 1536}
    assert run(unknown).status_code == 400
    deletion = upload | {"operation": "delete", "media": kept}
    assert client.post("/runware/v1", json=[deletion]).status_code == 200
    poll = {"taskType": "getResponse", "taskUUID": str(uuid.uuid4())}
    assert client.post("/runware/v1", json=[poll]).status_code == 400
    api.work_off()


def send_as_every_caller(api: Deployment, call: Call) -> None:
    """With tokens of both kinds, one of a deleted consumer, and one over plain HTTP."""
    for kind in TokenKind:
        with api.client(api.issue_token(kind=kind)) as client:
            assert call(client).status_code == 200
    orphan = api.issue_token("orphan")
    api.aws("dynamodb").delete_item(TableName=api.references["ConsumersTable"], Key={"key": {"S": "orphan"}})
    with api.client(orphan) as client:
        assert call(client).status_code == 401
    with api.client(api.issue_token(), **{"X-Forwarded-Proto": "http"}) as client:
        assert call(client).status_code == 401


def use_every_backend(client: httpx.Client, bedrock: BedrockServer) -> None:
    """A large image needs an inference profile beside the model; a fallback needs the backends' keys."""
    for large in (generate(client, resolution="2K"), edit(client, image_file((64, 64)), resolution="2K")):
        assert large.headers["X-Backend"] == "bedrock"
    for call in (*IMAGE_CALLS.values(), generate_for_imagine):
        bedrock.fail(Fault.INTERNAL)
        assert call(client).headers["X-Backend"] == "openai-compatible"


def keep_images_at_urls(client: httpx.Client) -> None:
    """From every function whose response may have them."""
    assert generate_for_imagine(client, Accept="application/json").json()["url"]
    fields = {"response_format": "url"}
    for made in (generate(client, **fields), edit(client, image_file((64, 64)), **fields)):
        assert made.json()["data"][0]["url"]


def edit_uploads(client: httpx.Client) -> None:
    """One that is there, and one whose content was not sent."""
    content = image_file((64, 64))
    size = {"content_type": "image/png", "size": str(len(content))}
    sent, missing = (client.post("/v1/uploads", data=size).json() for _ in range(2))
    httpx.put(sent["url"], content=content, headers=sent["headers"], trust_env=False).raise_for_status()
    for upload, status in ((sent, 200), (missing, 400)):
        assert edit(client, upload["id"]).status_code == status
        form = {"prompt": (None, "a lighthouse"), "image": (None, upload["id"])}
        guided = client.post("/imagine/v1/imagine/api/generations/guided", files=form)
        assert guided.status_code == status


def serve_results(api: Deployment) -> None:
    """One that is there, whole and in part, and one that is not."""
    result = api.results().keep(b"an image", media_type="image/png")
    with api.client() as client:
        assert client.get(result.path).status_code == 200
        assert client.get(result.path, headers={"Range": "bytes=0-1"}).status_code == 307
        api.aws("s3").delete_object(Bucket=api.references["ResultsBucket"], Key=result.key)
        assert client.get(result.path).status_code == 404


def deliver_webhooks(api: Deployment) -> None:
    """One fails and is sent again, the next one stops its URL, and the schedule looks for others."""
    with Receiver([(500, {}), (410, {})]) as receiver:
        api.issue_token("acme")
        for _ in range(2):
            webhook_id = api.operator.manage_webhooks.send_test("acme", receiver.url)
            api.gateway.invoke("DeliverWebhookFunction", message_event("acme", webhook_id))
    api.gateway.invoke("DeliverWebhookFunction", {})


def repeat(api: Deployment, client: httpx.Client, calls: RecordedCalls, function_id: str, call: Call) -> None:
    """A response is stored, sent again, made again where it is lost, and waited for."""

    def replayed() -> str:
        return call(client).headers["Idempotent-Replayed"]

    assert [replayed(), replayed()] == ["false", "true"]
    objects, bucket = api.aws("s3"), api.references["IdempotencyBucket"]
    for key in api.objects("IdempotencyBucket"):
        objects.delete_object(Bucket=bucket, Key=key)
    assert replayed() == "false"
    dynamodb, table = api.aws("dynamodb"), api.references["IdempotencyTable"]
    items = dynamodb.scan(TableName=table)["Items"]
    in_progress = {
        "status": {"S": "INPROGRESS"},
        "in_progress_expiration": {"N": str(int((time.time() + 600) * 1000))},
    }
    for item in items:
        dynamodb.put_item(TableName=table, Item=item | in_progress)
    with ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(replayed)
        calls.wait_for(function_id, Permission("dynamodb:GetItem", "${IdempotencyTable.Arn}"))
        for item in items:
            dynamodb.delete_item(TableName=table, Key={"id": item["id"]})
        assert waiting.result() == "false"


def use_accounts(api: Deployment) -> None:
    """An account that is used by sessions and keys, forgets its password, and is closed."""

    def sign_up(client: httpx.Client) -> str:
        form = {"email": "ada@example.com", "password": "first password"}
        return f"account-{client.post(f'{LAB}/signup', json=form).json()['id']}"

    def session(client: httpx.Client) -> dict[str, str]:
        form = {"username": "ada@example.com", "password": "first password"}
        return {"Authorization": f"Bearer {client.post(f'{LAB}/login', data=form).json()['access_token']}"}

    with api.client() as client:
        consumer_id = sign_up(client)
        assert client.get(f"{LAB}/me", headers=session(client)).status_code == 200
        generate_for_credits(api, client, consumer_id, session(client))
        client.post(f"{LAB}/forgot-password", json={"email": "ada@example.com"})
        api.work_off()
        for kind in TokenKind:
            with api.client(api.issue_token(consumer_id, kind=kind)) as keyed:
                assert keyed.get(f"{LAB}/me").status_code == 200
                assert keyed.get(f"{LAB}/me", headers={"X-Forwarded-Proto": "http"}).status_code == 401
        orphan, headers = api.issue_token(consumer_id), session(client)
        table, key = api.references["ConsumersTable"], {"key": {"S": consumer_id}}
        item = api.aws("dynamodb").get_item(TableName=table, Key=key)["Item"]
        api.aws("dynamodb").delete_item(TableName=table, Key=key)
        with api.client(orphan) as keyed:
            assert keyed.get(f"{LAB}/me").status_code == 401
        leave_traces(api, consumer_id)
        api.aws("dynamodb").put_item(TableName=table, Item=item)
        assert client.delete(f"{LAB}/me", headers=headers).status_code == 200


def leave_traces(api: Deployment, consumer_id: str) -> None:
    """What a key's requests at other APIs leave beside jobs."""
    for bucket, folder in (("JobsBucket", "media"), ("JobsBucket", "jobs"), ("UploadsBucket", "uploads")):
        name = api.references[bucket]
        api.aws("s3").put_object(Bucket=name, Key=f"{folder}/{consumer_id}/a", Body=b"")
    key = f"responses/{consumer_id}/record/attempt"
    api.aws("s3").put_object(Bucket=api.references["IdempotencyBucket"], Key=key, Body=b"")
    session = {"id": {"S": "session#s"}, "consumer_id": {"S": consumer_id}}
    api.aws("dynamodb").put_item(TableName=api.references["ConnectionsTable"], Item=session)


def receive_payments(shop: Shop) -> None:
    """One grants credits, and a refund takes them back."""
    customer = Customer(shop.api, credits=0)
    assert shop.complete(shop.server.sell(1, customer.id)).status_code == 200
    assert shop.refund("re_1", "pi_1", 1000).status_code == 200


def generate_for_credits(
    api: Deployment, client: httpx.Client, consumer_id: str, headers: dict[str, str]
) -> None:
    """A generation that completes and is deleted, and one whose message no worker could handle."""
    client.headers.update(headers)
    api.operator.credits.grant(int(consumer_id.removeprefix("account-")), 100, reference="a")
    path = f"{LAB.removesuffix('/auth')}/generations"
    order = {"generation_type": "image", "model_name": "text-to-image", "prompt": "x"}
    done = client.post(path, json=order).json()["id"]
    api.work_off()
    assert client.get(f"{path}/{done}").json()["status"] == "completed"
    dead = client.post(path, json=order).json()["id"]
    sqs, queues = api.aws("sqs"), api.references
    lost = sqs.receive_message(QueueUrl=queues["JobsQueue"])["Messages"][0]
    sqs.delete_message(QueueUrl=queues["JobsQueue"], ReceiptHandle=lost["ReceiptHandle"])
    sqs.send_message(QueueUrl=queues["FailedJobsQueue"], MessageBody=lost["Body"])
    api.work_off()
    assert client.get(f"{path}/{dead}").json()["status"] == "failed"
    assert client.delete(f"{path}/{done}").status_code == 200
    # The request that accepts a job sends those that wait.
    api.operator.consumers.replace_consumer(Consumer(consumer_id, Limits(1_000, 1)))
    waiting = [client.post(path, json=order).json()["id"] for _ in range(2)]
    assert client.delete(f"{path}/{waiting[0]}").status_code == 200
    del client.headers["Authorization"]


def use_jobs(
    api: Deployment,
    client: httpx.Client,
    bedrock: BedrockServer,
    backend: GeneratingBackend,
    receiver: Receiver,
) -> None:
    """Jobs that are made, cancelled, lost, or fail at a worker or by a dead message; then deleted.

    Most have a webhook, and some keep their images as results.
    """
    client.headers["Prefer"] = "respond-async"

    def accept(**fields: str) -> str:
        fields["webhook_url"] = receiver.url
        path: str = edit(client, image_file((64, 64)), **fields).headers["Location"]
        return path

    def keep_as_result(path: str) -> None:
        """As other APIs do, which /v1 therefore cannot delete."""
        change_job(api, path, result_life={"N": "60"})
        results.append(path)

    results: list[str] = []
    paths = [generate(client, resolution="2K").headers["Location"], accept(resolution="2K")]
    # Behind others, its estimate looks at those.
    assert generate_for_imagineo(client).status_code == 200
    for places, call in ((2, generate_one), (3, edit_a_file)):
        # A job that waits is sent before a new one, once there is room.
        api.operator.consumers.replace_consumer(Consumer("jobs", Limits(1_000, places, 100)))
        paths.append(call(client).headers["Location"])
    keep_as_result(paths[1])
    paths.append(accept())
    client.post(f"{paths[-1]}/cancel")
    paths.append(accept())
    api.work_off()
    bedrock.fail(Fault.INTERNAL)
    backend.reply = always(Response(401))
    paths.append(accept())
    keep_as_result(paths[-1])
    api.work_off()
    backend.reset()
    paths.append(accept())
    keep_as_result(paths[-1])
    change_job(api, paths[-1], **DUE)
    api.gateway.invoke("SweepJobsFunction", {})
    move_to_dead_letters(api)
    api.work_off()
    jobs = {job["id"]: job["status"] for job in client.get("/v1/jobs").json()["data"]}
    states = [jobs[path.rpartition("/")[2]] for path in paths]
    assert states == [*["completed"] * 4, "cancelled", "completed", "failed", "failed"]
    assert client.get(f"{paths[0]}/images/0").status_code == 200
    for key in api.objects("JobsBucket"):
        api.aws("s3").delete_object(Bucket=api.references["JobsBucket"], Key=key)
    assert client.get(f"{paths[0]}/images/0").status_code == 404
    assert {client.delete(path).status_code for path in paths if path not in results} == {204}


def use_media_jobs(api: Deployment) -> None:
    """Jobs of each kind of media, by the engines of AWS where there is one, and for text by two of them."""
    with MediaServer() as server, api.client(api.issue_token(), Prefer="respond-async") as client:
        api.operator.manage_models.apply(with_media_models(server))
        # Environments hold the models of a minute ago.
        api.gateway.close()
        server.script(refusal(500))
        states = []
        for model in (*AT_ONCE, "text-to-video"):
            job_id = accept_media(api, client, model)
            api.work_off()
            states.append(stored_job(api, job_id)["state"]["S"])
    assert states == [*["completed"] * len(AT_ONCE), "processing"]


def orphan_a_job(api: Deployment) -> None:
    """Its consumer is deleted before a worker has it."""
    with api.client(api.issue_token("gone"), Prefer="respond-async") as client:
        assert generate_one(client).status_code == 202
    api.aws("dynamodb").delete_item(TableName=api.references["ConsumersTable"], Key={"key": {"S": "gone"}})
    api.work_off()


def use_sockets(api: Deployment, management: ManagementServer, backend: GeneratingBackend) -> None:
    """Connections with tokens of both kinds; tasks that are made, polled or lost, and results that wait."""
    orphan = api.issue_token("orphan")
    api.aws("dynamodb").delete_item(TableName=api.references["ConsumersTable"], Key={"key": {"S": "orphan"}})
    for token in (orphan, api.issue_token(kind=TokenKind.INTERNAL), api.issue_token("socket")):
        client = SocketClient(api, management)
        client.authenticate(token.text)
        client.send(inference())
    # A job that waits is sent before a new one, once there is room.
    for places in (1, 3):
        api.operator.consumers.replace_consumer(Consumer("socket", Limits(1_000, places, 100)))
        client.send(inference())
    api.work_off()
    made, *_ = client.results()
    unknown = str(uuid.uuid4())
    for reference in (made["imageUUID"], unknown):
        referring = {"inputs": {"referenceImages": [reference]}}
        client.send(inference(**referring, width=1536, height=1536))
    client.send({"taskType": "getResponse", "taskUUID": made["taskUUID"]})
    storage = {"taskType": "mediaStorage", "taskUUID": unknown}
    content = pybase64.b64encode(image_file((64, 64))).decode()
    (kept,) = results_of(client.send(storage | {"operation": "upload", "media": content}))
    client.send(storage | {"operation": "delete", "media": kept["mediaUUID"]})
    client.disconnect()
    api.work_off()
    again = client.resumed()
    assert again.received[1:]
    again.send(inference())
    again.disconnect()
    move_to_dead_letters(api)
    api.work_off()


def move_to_dead_letters(api: Deployment) -> None:
    """Let the messages of jobs be ones that no worker could handle."""
    sqs, queue, dead = api.aws("sqs"), api.references["JobsQueue"], api.references["FailedJobsQueue"]
    for lost in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=lost["ReceiptHandle"])
        sqs.send_message(QueueUrl=dead, MessageBody=lost["Body"])


@pytest.mark.parametrize("function_id", EVERY_FUNCTION)
def test_a_function_may_make_the_calls_that_it_makes_and_no_others(
    needed: dict[str, set[Permission]], function_id: str
) -> None:
    granted, used = granted_to(function_id), needed[function_id]
    missing = {each for each in used if not any(grant.covers(each) for grant in granted)}
    unused = {grant for grant in granted if not any(grant.covers(each) for each in used)}
    assert (missing, unused) == (set(), set())


def test_calls_of_every_function_that_uses_aws_were_recorded(needed: dict[str, set[Permission]]) -> None:
    silent = {"HealthFunction", "UnknownRequestFunction"}
    assert {name for name in EVERY_FUNCTION if not needed[name]} == silent

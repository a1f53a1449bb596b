"""A function may do what its code does and nothing else: its role allows the calls that it makes."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from imagineart.access.tokens import TokenKind
from local.bedrock.faults import Fault
from local.bedrock.server import BedrockServer
from local.moto_server import serving_moto
from tests.functions.deployment import Cloud, Deployment, template
from tests.functions.generating_backend import GeneratingBackend, image_file
from tests.functions.recorded_calls import RecordedCalls
from tests.functions.test_uploads import ask, upload
from tests.permissions import Permission, granted_to

Call = Callable[..., httpx.Response]
ULTRA = "stability.stable-image-ultra-v1:1"
EVERY_FUNCTION = sorted(template().resources("AWS::Serverless::Function"))


def named_by_their_keys(document: dict[str, Any]) -> None:
    """Let each function sign with an access key of its own."""
    for name, resource in document["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            variables = resource["Properties"].setdefault("Environment", {}).setdefault("Variables", {})
            variables["AWS_ACCESS_KEY_ID"] = name


def list_models(client: httpx.Client, **headers: str) -> httpx.Response:
    return client.get("/v1/models", headers=headers)


def request_upload(client: httpx.Client, **headers: str) -> httpx.Response:
    return client.post("/v1/uploads", data={"content_type": "image/png", "size": "1"}, headers=headers)


def generate(client: httpx.Client, *, resolution: str = "1K", **headers: str) -> httpx.Response:
    form = {"prompt": "a lighthouse", "resolution": resolution, "seed": "7"}
    return client.post("/v1/images/generations", data=form, headers=headers)


def edit(client: httpx.Client, *, resolution: str = "1K", **headers: str) -> httpx.Response:
    form = {"prompt": "at dusk", "resolution": resolution, "seed": "7"}
    files = [("images", ("image", image_file((64, 64)), "application/octet-stream"))]
    return client.post("/v1/images/edits", data=form, files=files, headers=headers)


def edit_upload(client: httpx.Client, upload_id: str) -> httpx.Response:
    return client.post("/v1/images/edits", data={"prompt": "x", "resolution": "1K", "images": upload_id})


@pytest.fixture(scope="module")
def needed(cloud: Cloud) -> Iterator[dict[str, set[Permission]]]:
    """What each function needed to do everything that it can do."""
    # Every stand-in of this process has the same content.
    cloud.empty()
    calls = RecordedCalls(EVERY_FUNCTION)
    with (
        serving_moto(calls.in_front_of) as cloud_url,
        GeneratingBackend() as backend,
        BedrockServer(pixels=1 << 16) as bedrock,
    ):
        bedrock_route = f"bedrock us-west-2 {ULTRA} endpoint={bedrock.url} retries=0"
        backends = f"{bedrock_route}, openai-compatible {backend.base_url} a-model"
        recorded_cloud = Cloud(cloud_url)
        try:
            api = recorded_cloud.deploy(
                backend.base_url, named_by_their_keys, GenerationBackends=backends, EditBackends=backends
            )
            calls.references = api.references
            for call in (list_models, request_upload, generate, edit):
                meet_every_caller(api, call)
            with api.client(api.issue_token()) as client:
                for call in (generate, edit):
                    keep_responses(api, client, call)
                    # What is enlarged needs an inference profile beside the model.
                    assert call(client, resolution="2K").headers["X-Backend"] == "bedrock"
                    bedrock.fail(Fault.INTERNAL)
                    assert call(client).headers["X-Backend"] == "openai-compatible"
                give_uploads(client)
            api.gateway.invoke("ReviewTokensFunction", {})
        finally:
            recorded_cloud.empty()
        calls.record_invocations(bedrock.invocations)
        yield calls.needed


def meet_every_caller(api: Deployment, call: Call) -> None:
    """Tokens of both kinds, one of a consumer that is gone, and one that is sent over plain HTTP."""
    for kind in TokenKind:
        with api.client(api.issue_token(kind=kind)) as client:
            assert call(client).status_code == 200
    orphan = api.issue_token("orphan")
    api.aws("dynamodb").delete_item(TableName=api.references["ConsumersTable"], Key={"key": {"S": "orphan"}})
    with api.client(orphan) as client:
        assert call(client).status_code == 401
    with api.client(api.issue_token()) as client:
        assert call(client, **{"X-Forwarded-Proto": "http"}).status_code == 401


def keep_responses(api: Deployment, client: httpx.Client, call: Call) -> None:
    """A response is kept, replayed, made again when it is gone, and waited for."""
    key = {"Idempotency-Key": f"a key of {call.__name__}".replace(" ", "-")}
    assert call(client, **key).status_code == 200
    assert call(client, **key).headers["Idempotent-Replayed"] == "true"
    objects, bucket = api.aws("s3"), api.references["IdempotencyBucket"]
    for each in objects.list_objects_v2(Bucket=bucket)["Contents"]:
        objects.delete_object(Bucket=bucket, Key=each["Key"])
    assert call(client, **key).headers["Idempotent-Replayed"] == "false"
    table, records = api.aws("dynamodb"), api.references["IdempotencyTable"]
    for item in table.scan(TableName=records)["Items"]:
        soon = {"in_progress_expiration": {"N": str(int(time.time() * 1000) + 1000)}}
        table.put_item(TableName=records, Item=item | soon | {"status": {"S": "INPROGRESS"}})
    assert call(client, **key).headers["Idempotent-Replayed"] == "false"


def give_uploads(client: httpx.Client) -> None:
    """One whose image is there, and one whose image never came."""
    assert edit_upload(client, upload(client, image_file((64, 64)))).status_code == 200
    assert edit_upload(client, ask(client, b"x")["id"]).status_code == 400


@pytest.mark.parametrize("function_id", EVERY_FUNCTION)
def test_a_function_may_do_what_its_code_does(needed: dict[str, set[Permission]], function_id: str) -> None:
    granted = granted_to(function_id)
    assert {each for each in needed[function_id] if not any(own.covers(each) for own in granted)} == set()


@pytest.mark.parametrize("function_id", EVERY_FUNCTION)
def test_a_function_may_do_nothing_that_its_code_does_not_do(
    needed: dict[str, set[Permission]], function_id: str
) -> None:
    used = needed[function_id]
    assert {own for own in granted_to(function_id) if not any(own.covers(each) for each in used)} == set()


def test_calls_were_recorded(needed: dict[str, set[Permission]]) -> None:
    silent = {"HealthFunction", "UnknownRequestFunction"}
    assert {name for name in EVERY_FUNCTION if not needed[name]} == silent

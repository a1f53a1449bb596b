"""Everything that is deployed works with the build's files and no others."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.cloud import runtime_variables
from local.function_variables import function_variables
from local.template import load_template
from tests.functions.deployment import Deployment, message_event, open_png
from tests.functions.shipped_functions import Reply, Shipped, ShippedFunction, running_function, ship
from tests.receiver import Receiver
from tests.sample_images import sample

pytest.importorskip("awslambdaric", reason="AWS publishes its runtime client for Linux")

TEMPLATE = load_template()
AWS_CALLS = Path(__file__).with_name("aws_calls.py")
FUNCTIONS = {function.code.name: function for function in TEMPLATE.functions.values()}
Start = Callable[[str], ShippedFunction]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    return ship(tmp_path_factory.mktemp("shipped"))


@pytest.fixture
def start(shipped: Shipped, api: Deployment) -> Iterator[Start]:
    """Starts a function; it ends with the test."""
    contexts = []

    def start(name: str) -> ShippedFunction:
        variables = function_variables(FUNCTIONS[name], api.references, runtime_variables(api.cloud_url))
        contexts.append(running_function(shipped, name, variables))
        return contexts[-1].__enter__()

    yield start
    for context in contexts:
        context.__exit__(None, None, None)


@pytest.fixture
def headers(api: Deployment) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.issue_token().text}"}


def post(path: str, headers: dict[str, str], **request: Any) -> httpx.Request:
    return httpx.Request("POST", f"https://api.local{path}", headers=headers, **request)


def generation(headers: dict[str, str]) -> httpx.Request:
    form = {"prompt": (None, "a lighthouse"), "resolution": (None, "1K")}
    return post("/v1/images/generations", headers, files=form)


def edit(headers: dict[str, str], *images: bytes) -> httpx.Request:
    fields: list[Any] = [("prompt", (None, "at dusk")), ("resolution", (None, "1K"))]
    return post("/v1/images/edits", headers, files=[*fields, *(("images", ("i", image)) for image in images)])


def assert_image(reply: Reply) -> None:
    assert reply.status == 200, reply.content
    assert open_png(reply.content).width >= 1024


def test_an_image_is_generated_and_nothing_is_compiled_or_written(
    shipped: Shipped, start: Start, headers: dict[str, str]
) -> None:
    before = shipped.digest()
    assert_image(start("generate_image").send(generation(headers)))
    assert shipped.digest() == before


def test_a_request_is_answered_once_under_its_key(start: Start, headers: dict[str, str]) -> None:
    function = start("generate_image")
    request = generation(headers | {"Idempotency-Key": "order-1"})
    first, second = function.send(request), function.send(request)
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "heic"])
def test_a_reference_of_every_format_is_edited(start: Start, headers: dict[str, str], kind: str) -> None:
    assert_image(start("edit_image").send(edit(headers, sample(kind))))


def test_an_upload_is_granted(start: Start, headers: dict[str, str]) -> None:
    content = sample("jpeg")
    fields = {"content_type": "image/jpeg", "size": str(len(content))}
    grant = json.loads(start("request_upload").send(post("/v1/uploads", headers, data=fields)).content)
    put = httpx.put(grant["url"], headers=grant["headers"], content=content, trust_env=False)
    assert put.status_code == 200


def test_a_result_is_served_and_redirected(start: Start, api: Deployment) -> None:
    path = api.results().keep(sample("webp"), media_type="image/webp").path
    function = start("serve_result")
    whole = function.send(httpx.Request("GET", f"https://api.local{path}"))
    assert (whole.headers["content-type"], whole.content) == ("image/webp", sample("webp"))
    part = function.send(httpx.Request("GET", f"https://api.local{path}", headers={"Range": "bytes=0-9"}))
    assert httpx.get(part.headers["location"], trust_env=False).content == sample("webp")


def test_the_models_are_listed(start: Start, headers: dict[str, str]) -> None:
    reply = start("list_models").send(httpx.Request("GET", "https://api.local/v1/models", headers=headers))
    assert len(json.loads(reply.content)["data"]) == 2


def test_a_job_is_accepted_run_swept_and_fetched(
    start: Start, api: Deployment, headers: dict[str, str]
) -> None:
    accepted = start("generate_image").send(generation(headers | {"Prefer": "respond-async"}))
    assert accepted.status == 202, accepted.content
    (message,) = api.aws("sqs").receive_message(QueueUrl=api.references["JobsQueue"])["Messages"]
    record = {"messageId": "1", "body": message["Body"], "eventSource": "aws:sqs"}
    assert start("run_job").invoke({"Records": [record]}) == {"batchItemFailures": []}
    assert start("sweep_jobs").invoke({"source": "aws.events"}) == {}
    url = f"https://api.local{accepted.headers['location']}/images/0"
    assert_image(start("manage_jobs").send(httpx.Request("GET", url, headers=headers)))


def test_the_tokens_are_reviewed(start: Start, api: Deployment, headers: dict[str, str]) -> None:
    assert start("review_tokens").invoke({})["live"] == len(api.operator.manage_tokens.list())


def test_a_webhook_is_delivered(start: Start, api: Deployment) -> None:
    api.issue_token("acme")
    function = start("deliver_webhook")
    with Receiver() as receiver:
        webhook_id = api.operator.manage_webhooks.send_test("acme", receiver.url)
        assert function.invoke(message_event("acme", webhook_id)) == {"batchItemFailures": []}
    assert [each.headers["webhook-id"] for each in receiver.requests] == [webhook_id]
    assert function.invoke({}).keys() == {"sent"}


@pytest.mark.parametrize("function_id", ["GenerateImageFunction", "EditImageFunction"])
def test_the_daily_call_is_refused_without_further_effect(start: Start, function_id: str) -> None:
    function = TEMPLATE.resources("AWS::Serverless::Function")[function_id]
    event = json.loads(function["Events"]["DailyCall"]["Properties"]["Input"])
    reply = start(TEMPLATE.functions[function_id].code.name).send_event(event)
    assert (reply.status, json.loads(reply.content)["error"]["request_id"]) == (401, "daily-call")


@pytest.mark.parametrize(("name", "status"), [("health", 200), ("unknown_request", 404)])
def test_the_functions_without_layers_need_none(shipped: Shipped, name: str, status: int) -> None:
    event = {
        "httpMethod": "GET",
        "path": "/health",
        "resource": "/health",
        "requestContext": {"requestId": "r"},
    }
    program = "import sys; sys.path.append(sys.argv[1]); import handler; print(handler.handler(%r, None))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program % event, str(shipped.tasks[name])],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"'statusCode': {status}" in done.stdout


def test_all_code_is_compiled_without_a_check_of_its_source(shipped: Shipped) -> None:
    for folder in (shipped.opt, *shipped.tasks.values()):
        for source in folder.rglob("*.py"):
            (compiled,) = source.parent.glob(f"__pycache__/{source.stem}.cpython-*.pyc")
            # PEP 552: flags of an unchecked hash.
            assert compiled.read_bytes()[4:8] == b"\x01\x00\x00\x00", source


def test_the_pruned_botocore_makes_every_call_of_the_functions(shipped: Shipped, api: Deployment) -> None:
    packages = shipped.opt / "python"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", AWS_CALLS, packages, api.cloud_url],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.split() == [
        "https://uploads.s3.amazonaws.com/k",
        "https://s3.amazonaws.com/uploads/k",
        "https://dynamodb.us-east-1.amazonaws.com",
        "https://secretsmanager.us-east-1.amazonaws.com",
        "https://bedrock-runtime.us-east-1.amazonaws.com",
        "https://polly.us-east-1.amazonaws.com",
        "https://sqs.us-east-1.amazonaws.com",
        "https://email.us-east-1.amazonaws.com",
        "https://uploads.s3.eu-west-1.amazonaws.com/k",
        "https://s3.eu-west-1.amazonaws.com/uploads/k",
        "https://dynamodb.eu-west-1.amazonaws.com",
        "https://secretsmanager.eu-west-1.amazonaws.com",
        "https://bedrock-runtime.eu-west-1.amazonaws.com",
        "https://polly.eu-west-1.amazonaws.com",
        "https://sqs.eu-west-1.amazonaws.com",
        "https://email.eu-west-1.amazonaws.com",
    ]
    assert not (packages / "botocore" / "data" / "ec2").exists()

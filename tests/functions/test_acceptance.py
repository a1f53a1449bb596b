"""The operator's acceptance test says what is wrong with a deployment that was broken."""

import random
from typing import Any

import pytest
from PIL import Image

from cli.acceptance.accept import accept
from cli.acceptance.model import Finding, Verdict
from tests.fault_backend import RecordedRequest, Response, raw_image
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment, function_properties
from tests.functions.generating_backend import GeneratingBackend, noise_file
from tests.functions.served_gateway import served
from tests.sample_images import encode

LARGE, READER, ERROR = "An image over 10 MB", "A reader that leaves", "An error before the first byte"
UPLOAD, ALARM = "An upload of another length", "An alarm that sends mail"


@pytest.fixture(autouse=True)
def noisy(backend: GeneratingBackend) -> None:
    backend.reply = lambda request: raw_image(noise_file(*request.size))


def findings(api: Deployment, stack: str | None = None) -> dict[str, Finding]:
    with served(api.gateway) as url:
        api.operator.base_url = url
        found = accept(api.operator, stack, updates_stack=False)
    assert api.operator.manage_consumers.list() == []
    assert {token.revoked_at for token in api.operator.manage_tokens.list()}.isdisjoint({None})
    return found


def failures(found: dict[str, Finding]) -> dict[str, str]:
    return {name: each.seen for name, each in found.items() if each.verdict is Verdict.FAILED}


def a_third_of_noise(request: RecordedRequest) -> Response:
    width, height = request.size
    pixels = random.Random(0).randbytes(width * height).ljust(3 * width * height, b"\0")
    return raw_image(encode(Image.frombytes("RGB", (width, height), pixels), "PNG"))


def test_a_backend_of_small_images_is_found(deploy: Deploy, backend: GeneratingBackend) -> None:
    backend.reset()
    found = findings(deploy())
    assert failures(found).keys() == {LARGE}
    assert "a response with 3 images" in found[LARGE].seen
    assert "another model" in found[LARGE].advice


def test_a_series_is_enough_where_no_image_is_large(deploy: Deploy, backend: GeneratingBackend) -> None:
    backend.reply = a_third_of_noise
    assert "both arrived whole" in findings(deploy())[LARGE].seen


def test_usage_that_is_not_counted_is_found(deploy: Deploy) -> None:
    api = deploy()
    api.aws("dynamodb").delete_table(TableName=api.references["UsageTable"])
    assert failures(findings(api)).keys() == {READER}


def test_a_function_that_crashes_is_found(deploy: Deploy) -> None:
    def break_generations(document: dict[str, Any]) -> None:
        variables = function_properties(document, "GenerateImageFunction")["Environment"]["Variables"]
        del variables["IMAGINEART_TOKENS_TABLE"]

    found = failures(findings(deploy(break_generations)))
    assert found.keys() == {LARGE, READER, ERROR}
    assert found[ERROR].startswith("status 500, internal_error")


def test_a_bucket_that_takes_any_length_and_an_alarm_that_reaches_no_one_are_found(deploy: Deploy) -> None:
    api = deploy()
    topic = api.aws("sns").create_topic(Name="alarms")["TopicArn"]
    api.aws("cloudwatch").put_metric_alarm(
        AlarmName="ours-failures", AlarmActions=[topic], EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold", Threshold=1,
    )  # fmt: skip
    found = failures(findings(api, "ours"))
    assert found.keys() == {UPLOAD, ALARM}
    assert "S3 responded with 200 to one byte more" in found[UPLOAD]
    assert found[ALARM] == "the alarm ours-failures has no confirmed subscriber"

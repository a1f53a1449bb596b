"""The stand-in for Amazon Bedrock, called by AWS's own SDK."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.sample_pictures import decode, sample

from local.bedrock.faults import Fault
from local.bedrock.models import MODELS
from local.bedrock.server import BedrockServer

ROOT = Path(__file__).parents[3]
CORE, SD35 = "stability.stable-image-core-v1:1", "stability.sd3-5-large-v1:0"
STYLE, UPSCALE = "us.stability.stable-style-transfer-v1:0", "us.stability.stable-fast-upscale-v1:0"
FEW_PIXELS = 64 * 64


@pytest.fixture
def bedrock() -> Iterator[BedrockServer]:
    with BedrockServer(pixels=FEW_PIXELS, secrets={"local": "secret"}) as server:
        yield server


def client(url: str, *, region: str = "us-west-2", key: str = "local", secret: str = "secret") -> Any:
    return boto3.client(
        "bedrock-runtime",
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def invoke(url: str, model: str, body: Any, **options: str) -> dict[str, Any]:
    runtime = client(url, **options)
    try:
        answer = runtime.invoke_model(
            modelId=model, body=json.dumps(body), contentType="application/json", accept="application/json"
        )
        return json.loads(answer["body"].read())
    finally:
        runtime.close()


def refusal(url: str, model: str, body: Any, **options: str) -> ClientError:
    with pytest.raises(ClientError) as caught:
        invoke(url, model, body, **options)
    return caught.value


def picture(width: int = 96, height: int = 64, kind: str = "png") -> str:
    return base64.b64encode(sample(kind, width, height)).decode()


def painted(answer: dict[str, Any]) -> Any:
    assert answer["finish_reasons"] == [None]
    (image,) = answer["images"]
    return decode(base64.b64decode(image))


@pytest.mark.parametrize("model", [CORE, "stability.stable-image-ultra-v1:1", SD35])
def test_a_prompt_becomes_a_picture_of_the_asked_ratio(bedrock: BedrockServer, model: str) -> None:
    answer = invoke(bedrock.url, model, {"prompt": "a fox", "aspect_ratio": "3:2", "seed": 9})
    assert answer["seeds"] == [9]
    image = painted(answer)
    assert image.format == "PNG"
    assert image.width / image.height == pytest.approx(1.5, rel=0.1)


@pytest.mark.parametrize(
    ("ratio", "size"), [("1:1", (1024, 1024)), ("16:9", (1344, 768)), ("9:21", (640, 1536))]
)
def test_a_picture_has_a_megapixel_where_nothing_else_is_said(ratio: str, size: tuple[int, int]) -> None:
    with BedrockServer() as server:
        assert painted(invoke(server.url, CORE, {"prompt": "a fox", "aspect_ratio": ratio})).size == size


def test_equal_bodies_give_equal_pictures_and_the_seed_matters(bedrock: BedrockServer) -> None:
    first, again, other = (
        invoke(bedrock.url, CORE, {"prompt": "a fox", "seed": seed})["images"] for seed in (7, 7, 8)
    )
    assert first == again != other


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp"])
def test_the_asked_format_is_answered(bedrock: BedrockServer, format_name: str) -> None:
    answer = invoke(bedrock.url, CORE, {"prompt": "a fox", "output_format": format_name})
    assert painted(answer).format == format_name.upper()


def test_a_picture_is_edited_in_its_own_shape(bedrock: BedrockServer) -> None:
    body = {"prompt": "night", "mode": "image-to-image", "image": picture(300, 100), "strength": 0.7}
    image = painted(invoke(bedrock.url, SD35, body))
    assert image.width > 2 * image.height


def test_a_style_is_transferred_to_the_first_picture(bedrock: BedrockServer) -> None:
    plain, styled = (
        invoke(bedrock.url, STYLE, {"init_image": picture(100, 200), "style_image": style})
        for style in (picture(), picture(kind="jpeg", width=64))
    )
    assert painted(plain).width < painted(plain).height
    assert plain["images"] != styled["images"]


def test_the_upscaler_makes_every_side_four_times_as_long(bedrock: BedrockServer) -> None:
    image = painted(invoke(bedrock.url, UPSCALE, {"image": picture(40, 32), "output_format": "jpeg"}))
    assert (image.size, image.format) == ((160, 128), "JPEG")


@pytest.mark.parametrize(
    ("model", "body", "told"),
    [
        (CORE, {}, "prompt"),
        (CORE, {"prompt": "x" * 10_001}, "prompt"),
        (CORE, {"prompt": "a", "aspect_ratio": "4:3"}, "aspect_ratio"),
        (CORE, {"prompt": "a", "seed": 4_294_967_295}, "seed"),
        (CORE, {"prompt": "a", "seed": -1}, "seed"),
        (CORE, {"prompt": "a", "seed": "7"}, "seed"),
        (CORE, {"prompt": "a", "output_format": "gif"}, "output_format"),
        (CORE, {"prompt": "a", "mode": "image-to-image"}, "mode"),
        (CORE, {"prompt": "a", "size": "1024x1024"}, "extraneous key [size]"),
        (SD35, {"prompt": "a", "image": picture()}, "image-to-image"),
        (SD35, {"prompt": "a", "mode": "image-to-image", "image": picture()}, "strength"),
        (SD35, {"prompt": "a", "mode": "image-to-image", "strength": 0.5}, "image"),
        (SD35, {"prompt": "a", "mode": "image-to-image", "image": picture(), "strength": 2}, "strength"),
        (
            SD35,
            {"prompt": "a", "mode": "image-to-image", "image": picture(63, 64), "strength": 0.5},
            "64 pixels",
        ),
        (SD35, {"prompt": "a", "mode": "image-to-image", "aspect_ratio": "1:1"}, "aspect_ratio"),
        (STYLE, {"init_image": picture()}, "style_image"),
        (STYLE, {"init_image": "no base64!", "style_image": picture()}, "init_image"),
        (STYLE, {"init_image": 17, "style_image": picture()}, "init_image"),
        (STYLE, {"init_image": picture(), "style_image": picture(161, 64)}, "2.5:1"),
        (STYLE, {"init_image": picture(63, 64), "style_image": picture()}, "64 pixels"),
        (STYLE, {"init_image": picture(3100, 3100), "style_image": picture()}, "9437184"),
        (STYLE, {"init_image": picture(), "style_image": picture(), "change_strength": 0}, "change_strength"),
        (UPSCALE, {"image": picture(31, 64)}, "32 to 1536"),
        (UPSCALE, {"image": picture(1537, 64)}, "32 to 1536"),
        (UPSCALE, {"image": picture(1025, 1024)}, "1048576"),
        (UPSCALE, {"image": picture(), "seed": 7}, "extraneous key [seed]"),
        (UPSCALE, [], "Malformed"),
    ],
)  # fmt: skip
def test_what_a_model_does_not_take_is_refused(
    bedrock: BedrockServer, model: str, body: Any, told: str
) -> None:
    error = refusal(bedrock.url, model, body).response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (
        "ValidationException",
        400,
    )
    assert told in error["Error"]["Message"]


@pytest.mark.parametrize(
    "fault", [fault for fault in Fault if fault.error_type], ids=lambda fault: fault.name
)
def test_an_error_is_one_that_the_sdk_knows(bedrock: BedrockServer, fault: Fault) -> None:
    bedrock.fail(fault)
    error = refusal(bedrock.url, CORE, {"prompt": "a fox"})
    assert error.response["Error"]["Code"] == fault.error_type
    assert error.response["Error"]["Message"] == fault.document["message"]
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == fault.status
    shapes = client(bedrock.url).meta.service_model.operation_model("InvokeModel").error_shapes
    known = {shape.name: shape.metadata["error"]["httpStatusCode"] for shape in shapes}
    assert known.get(fault.error_type, 403) == fault.status


@pytest.mark.parametrize(
    "fault", [fault for fault in Fault if not fault.error_type], ids=lambda fault: fault.name
)
def test_a_filtered_result_is_a_success_without_a_picture(bedrock: BedrockServer, fault: Fault) -> None:
    bedrock.fail(fault)
    answer = invoke(bedrock.url, CORE, {"prompt": "a fox"})
    assert answer == fault.document
    assert not answer.get("images")


def test_every_error_of_the_operation_can_be_had() -> None:
    shapes = client("http://127.0.0.1:1").meta.service_model.operation_model("InvokeModel").error_shapes
    assert {shape.name for shape in shapes} <= {fault.error_type for fault in Fault}


def test_faults_are_played_in_order_and_then_it_paints_again(bedrock: BedrockServer) -> None:
    bedrock.fail(Fault.THROTTLED, None, Fault.INTERNAL)
    body = {"prompt": "a fox"}
    assert refusal(bedrock.url, CORE, body).response["Error"]["Code"] == "ThrottlingException"
    assert painted(invoke(bedrock.url, CORE, body))
    assert refusal(bedrock.url, CORE, body).response["Error"]["Code"] == "InternalServerException"
    assert painted(invoke(bedrock.url, CORE, body))
    assert [each.model_id for each in bedrock.invocations] == [CORE] * 4
    assert bedrock.invocations[0].document == body


def test_forgetting_takes_back_what_was_to_fail(bedrock: BedrockServer) -> None:
    bedrock.fail(Fault.THROTTLED)
    bedrock.forget()
    assert painted(invoke(bedrock.url, CORE, {"prompt": "a fox"}))
    assert len(bedrock.invocations) == 1


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"secret": "another"}, "InvalidSignatureException"),
        ({"key": "unknown"}, "UnrecognizedClientException"),
        ({"region": "us-east-1"}, "InvalidSignatureException"),
    ],
)
def test_a_wrong_signature_is_refused(bedrock: BedrockServer, options: dict[str, str], code: str) -> None:
    error = refusal(bedrock.url, CORE, {"prompt": "a fox"}, **options).response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, 403)


def test_without_known_secrets_any_signature_will_do_but_none_will_not() -> None:
    with BedrockServer(pixels=FEW_PIXELS) as server:
        assert painted(invoke(server.url, CORE, {"prompt": "a fox"}, key="anybody"))
        answer = httpx.post(f"{server.url}/model/{CORE}/invoke", json={"prompt": "a fox"}, trust_env=False)
    assert answer.status_code == 403
    assert answer.headers["x-amzn-errortype"].startswith("MissingAuthenticationTokenException:")


def test_a_model_is_known_only_in_its_regions_and_a_service_only_by_its_profile() -> None:
    with BedrockServer(region="us-east-1", pixels=FEW_PIXELS) as server:
        for model in [CORE, SD35, "stability.unknown-v1:0"]:
            error = refusal(server.url, model, {"prompt": "a"}, region="us-east-1")
            assert error.response["Error"]["Message"] == "The provided model identifier is invalid."
        bare = [model.bare_id for model in MODELS if model.bare_id]
        for model in bare:
            error = refusal(server.url, model, {"image": picture()}, region="us-east-1")
            assert f"{model} with on-demand throughput isn’t supported" in error.response["Error"]["Message"]
        assert len(bare) == 2
        assert painted(invoke(server.url, UPSCALE, {"image": picture()}, region="us-east-1"))


@pytest.mark.parametrize(
    ("method", "path"), [("GET", f"/model/{CORE}/invoke"), ("POST", "/model/a/converse")]
)
def test_another_operation_is_unknown(bedrock: BedrockServer, method: str, path: str) -> None:
    answer = httpx.request(method, bedrock.url + path, trust_env=False)
    assert answer.status_code == 404
    assert answer.headers["x-amzn-errortype"].startswith("UnknownOperationException")


def test_a_body_of_another_type_is_refused(bedrock: BedrockServer) -> None:
    runtime = client(bedrock.url)
    with pytest.raises(ClientError, match="Content Type"):
        runtime.invoke_model(modelId=CORE, body="x", contentType="text/plain")
    runtime.close()


def launch(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "local.bedrock", "--port", "0", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def address_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("bedrock listening on http://127.0.0.1:")
    return line.split()[-1]


def test_the_announced_address_answers_and_dies_with_its_parent() -> None:
    with launch("--region", "us-east-1", "--fail", "OVER_QUOTA") as process:
        error = refusal(address_of(process), UPSCALE, {"image": picture()}, region="us-east-1")
        assert error.response["Error"]["Code"] == "ServiceQuotaExceededException"
        left, complaints = process.communicate(timeout=30)
    assert (process.returncode, left, complaints) == (0, "", "")


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly(name: signal.Signals) -> None:
    with launch() as process:
        httpx.get(address_of(process), trust_env=False, timeout=30)
        os.kill(process.pid, name)
        assert process.wait(timeout=30) == 0
        assert process.stderr
        assert process.stderr.read() == ""

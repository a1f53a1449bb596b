"""The stand-in for Amazon Bedrock, called by AWS's own SDK."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.sample_pictures import decode, sample

from local.bedrock.faults import Fault
from local.bedrock.server import BedrockServer

CORE, SD35 = "stability.stable-image-core-v1:1", "stability.sd3-5-large-v1:0"
STYLE, UPSCALE = "us.stability.stable-style-transfer-v1:0", "us.stability.stable-fast-upscale-v1:0"
FEW_PIXELS = 64 * 64


@pytest.fixture
def bedrock() -> Iterator[BedrockServer]:
    with BedrockServer(pixels=FEW_PIXELS) as server:
        yield server


def invoke(url: str, model: str, body: Any, region: str = "us-west-2") -> dict[str, Any]:
    runtime = boto3.client(
        "bedrock-runtime",
        region_name=region,
        endpoint_url=url,
        aws_access_key_id="local",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    try:
        return json.loads(runtime.invoke_model(modelId=model, body=json.dumps(body))["body"].read())
    finally:
        runtime.close()


def refusal(url: str, model: str, body: Any, region: str = "us-west-2") -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        invoke(url, model, body, region)
    return caught.value.response


def picture(width: int = 96, height: int = 64, kind: str = "png") -> str:
    return base64.b64encode(sample(kind, width, height)).decode()


def image_of(response: dict[str, Any]) -> Any:
    assert response["finish_reasons"] == [None]
    (image,) = response["images"]
    return decode(base64.b64decode(image))


@pytest.mark.parametrize("model", [CORE, "stability.stable-image-ultra-v1:1", SD35])
def test_a_prompt_becomes_an_image_of_the_ratio(bedrock: BedrockServer, model: str) -> None:
    response = invoke(bedrock.url, model, {"prompt": "a fox", "aspect_ratio": "3:2", "seed": 9})
    assert response["seeds"] == [9]
    assert image_of(response).width / image_of(response).height == pytest.approx(1.5, rel=0.1)


def test_an_edit_keeps_the_shape_of_its_image(bedrock: BedrockServer) -> None:
    edit = {"prompt": "night", "mode": "image-to-image", "image": picture(200, 100), "strength": 0.7}
    transfer = {"init_image": picture(200, 100), "style_image": picture(kind="jpeg")}
    for model, body in ((SD35, edit), (STYLE, transfer)):
        image = image_of(invoke(bedrock.url, model, body))
        assert image.width > 1.8 * image.height


def test_the_upscaler_makes_every_side_four_times_as_long(bedrock: BedrockServer) -> None:
    image = image_of(invoke(bedrock.url, UPSCALE, {"image": picture(40, 32), "output_format": "jpeg"}))
    assert (image.size, image.format) == ((160, 128), "JPEG")


@pytest.mark.parametrize(
    ("model", "body", "told"),
    [
        (CORE, {"prompt": "x" * 10_001}, "prompt"),
        (CORE, {"prompt": "a", "seed": 4_294_967_295}, "seed"),
        (CORE, {"prompt": "a", "mode": "image-to-image"}, "mode"),
        (CORE, {"prompt": "a", "size": "1024x1024"}, "size"),
        (SD35, {"prompt": "a", "mode": "image-to-image", "image": picture()}, "strength"),
        (SD35, {"prompt": "a", "mode": "image-to-image", "image": picture(63, 64), "strength": 1}, "64"),
        (STYLE, {"init_image": "no base64!", "style_image": picture()}, "init_image"),
        (STYLE, {"init_image": picture(), "style_image": picture(161, 64)}, "2.5:1"),
        (STYLE, {"init_image": picture(3100, 3100), "style_image": picture()}, "9437184"),
        (UPSCALE, {"image": picture(31, 64)}, "32 to 1536"),
        (UPSCALE, {"image": picture(1025, 1024)}, "1048576"),
        (UPSCALE, [], "Malformed"),
        ("stability.unknown-v1:0", {}, "identifier"),
    ],
)
def test_the_limits_of_a_model_are_kept(bedrock: BedrockServer, model: str, body: Any, told: str) -> None:
    error = refusal(bedrock.url, model, body)
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Error"]["Code"] == "ValidationException"
    assert told in error["Error"]["Message"]


def test_a_model_is_offered_in_its_regions_alone() -> None:
    with BedrockServer(region="us-east-1", pixels=FEW_PIXELS) as server:
        assert "identifier" in refusal(server.url, CORE, {"prompt": "a"}, "us-east-1")["Error"]["Message"]
        assert image_of(invoke(server.url, UPSCALE, {"image": picture()}, "us-east-1"))
        other_region = refusal(server.url, UPSCALE, {"image": picture()}, "us-west-2")
        assert other_region["Error"]["Code"] == "InvalidSignatureException"


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
def test_a_fault_is_what_the_sdk_knows_and_is_played_once(bedrock: BedrockServer, fault: Fault) -> None:
    bedrock.fail(None, fault)
    assert image_of(invoke(bedrock.url, CORE, {"prompt": "a fox"}))
    if fault.error_type:
        error = refusal(bedrock.url, CORE, {"prompt": "a fox"})
        assert error["Error"]["Code"] == fault.error_type
        assert error["Error"]["Message"] == fault.document["message"]
        assert error["ResponseMetadata"]["HTTPStatusCode"] == fault.status
    else:
        assert invoke(bedrock.url, CORE, {"prompt": "a fox"}) == fault.document
    assert image_of(invoke(bedrock.url, CORE, {"prompt": "a fox"}))
    assert [each.model_id for each in bedrock.invocations] == [CORE] * 3
    assert bedrock.invocations[0].document == {"prompt": "a fox"}

"""The stand-in for Amazon Bedrock, called by AWS's own SDK."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.bedrock.faults import Fault
from local.bedrock.server import BedrockServer
from tests.sample_images import decode, sample

CORE, SD35 = "stability.stable-image-core-v1:1", "stability.sd3-5-large-v1:0"
STYLE, UPSCALE = "us.stability.stable-style-transfer-v1:0", "us.stability.stable-fast-upscale-v1:0"
PHOTO = base64.b64encode(sample("png", 200, 100)).decode()


@pytest.fixture
def bedrock() -> Iterator[BedrockServer]:
    with BedrockServer(pixels=64 * 64) as server:
        yield server


def invoke(bedrock: BedrockServer, model: str, body: Any) -> dict[str, Any]:
    options = {"region_name": "us-west-2", "aws_access_key_id": "local", "aws_secret_access_key": "secret"}
    config = Config(retries={"total_max_attempts": 1}, proxies={})
    with closing(
        boto3.client("bedrock-runtime", endpoint_url=bedrock.url, config=config, **options)
    ) as runtime:
        return json.loads(runtime.invoke_model(modelId=model, body=json.dumps(body))["body"].read())


@pytest.mark.parametrize(
    ("model", "body", "ratio"),
    [
        (CORE, {"prompt": "a fox", "aspect_ratio": "3:2"}, 1.5),
        (SD35, {"prompt": "night", "mode": "image-to-image", "image": PHOTO, "strength": 0.7}, 2),
        (STYLE, {"init_image": PHOTO, "style_image": PHOTO, "output_format": "jpeg"}, 2),
        (UPSCALE, {"image": PHOTO}, 2),
    ],
)
def test_each_model_makes_an_image_of_the_shape(
    bedrock: BedrockServer, model: str, body: Any, ratio: float
) -> None:
    response = invoke(bedrock, model, body)
    image = decode(base64.b64decode(response["images"][0]))
    assert (response["finish_reasons"], image.format) == ([None], body.get("output_format", "png").upper())
    assert image.width / image.height == pytest.approx(ratio, rel=0.1)


@pytest.mark.parametrize("seed", [-1, 4_294_967_295, "7", None])
def test_a_model_refuses_what_it_does_not_take(bedrock: BedrockServer, seed: Any) -> None:
    with pytest.raises(ClientError, match=r"(?s)ValidationException.*seed"):
        invoke(bedrock, CORE, {"prompt": "a", "seed": seed})


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
def test_a_fault_is_what_the_sdk_knows_and_is_played_once(bedrock: BedrockServer, fault: Fault) -> None:
    bedrock.fail(fault)
    if fault.error_type:
        with pytest.raises(ClientError) as caught:
            invoke(bedrock, CORE, {"prompt": "a fox"})
        error = caught.value.response
        assert error["Error"] == {"Code": fault.error_type, "Message": fault.document["message"]}
        assert error["ResponseMetadata"]["HTTPStatusCode"] == fault.status
    else:
        assert invoke(bedrock, CORE, {"prompt": "a fox"}) == fault.document
    assert invoke(bedrock, CORE, {"prompt": "a fox"})["images"]
    assert [each.model_id for each in bedrock.invocations] == [CORE, CORE]

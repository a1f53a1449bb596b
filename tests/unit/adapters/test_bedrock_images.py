"""Stability's models on Amazon Bedrock as the backend, asked as AWS's own SDK would ask."""

import base64
import io
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagineart.adapters import bedrock_images
from imagineart.adapters.aws_client import CredentialsProvider
from imagineart.adapters.aws_http import AwsCallError
from imagineart.adapters.aws_signature import Credentials
from imagineart.adapters.bedrock_images import (
    CORE,
    FAST_UPSCALE,
    MODELS,
    SD35_LARGE,
    STYLE_TRANSFER,
    ULTRA,
    BedrockImagesBackend,
)
from imagineart.adapters.pictures import PillowPictureFinisher
from imagineart.domain.errors import (
    ImagineArtError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    ModelUnavailableError,
    OrderRefusedError,
    RateLimitedError,
)
from imagineart.domain.images import JPEG, PNG, ReferenceImage
from imagineart.domain.orders import EditOrder, GenerationOrder
from imagineart.domain.sizes import EDIT_ASPECT_RATIOS, GENERATION_ASPECT_RATIOS, Size, output_size
from local.bedrock.faults import Fault
from local.bedrock.server import BedrockServer, Invocation
from local.bedrock.signatures import check_signature
from tests.fault_backend import Answer, Delivery, FaultBackend, document
from tests.sample_pictures import decode, encode, gradient, sample

ROOT = Path(__file__).parents[3]
REGION = "us-west-2"
SECRETS = {"AKIALOCAL": "a secret"}
IDENTITY = Credentials("AKIALOCAL", "a secret", "a session")
AMPLE_SECONDS = 30.0
FEW_PIXELS = 64 * 64
PROMPT = "a fox 🦊 at “night”\r\n"
SQUARE_1K, SQUARE_2K = output_size("1:1", "1K"), output_size("1:1", "2K")
A_PICTURE = sample("png")


def painted(content: bytes) -> Answer:
    images = [base64.b64encode(content).decode()]
    return document({"seeds": [7], "finish_reasons": [None], "images": images})


PAINTED = painted(A_PICTURE)


@pytest.fixture(scope="module")
def endless() -> Iterator[BedrockServer]:
    with BedrockServer(pixels=FEW_PIXELS, secrets=SECRETS) as server:
        yield server


@pytest.fixture
def bedrock(endless: BedrockServer) -> BedrockServer:
    """The stand-in, with nothing remembered of earlier tests."""
    endless.forget()
    return endless


@pytest.fixture
def faulty() -> Iterator[FaultBackend]:
    with FaultBackend() as server:
        yield server


OPENED: list[BedrockImagesBackend] = []


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """Every backend of a test is closed after it."""
    yield
    while OPENED:
        OPENED.pop().close()


def backend(
    url: str,
    model: str = ULTRA,
    *,
    region: str = REGION,
    upscaler: bool = True,
    credentials: CredentialsProvider = lambda: IDENTITY,
) -> BedrockImagesBackend:
    opened = BedrockImagesBackend(region, credentials, model, upscaler=upscaler, endpoint_url=url)
    OPENED.append(opened)
    return opened


def generation(size: Size = SQUARE_1K, seed: int = 7) -> GenerationOrder:
    return GenerationOrder(PROMPT, size, seed, "high")


def reference(width: int = 64, height: int = 48, kind: str = "jpeg", mode: str = "RGB") -> ReferenceImage:
    content = sample(kind, width, height, mode)
    return ReferenceImage(content, {"jpeg": JPEG, "png": PNG}[kind], Size(width, height))


def edition(count: int = 1, size: Size = SQUARE_1K) -> EditOrder:
    return EditOrder(PROMPT, size, 7, (reference(),) * count)


def paint(
    backend: BedrockImagesBackend, order: GenerationOrder | EditOrder, seconds: float = AMPLE_SECONDS
) -> bytes:
    if isinstance(order, GenerationOrder):
        return b"".join(backend.generate(order, deadline_seconds=seconds))
    return b"".join(backend.edit(order, deadline_seconds=seconds))


def failure(
    backend: BedrockImagesBackend, order: GenerationOrder | EditOrder, seconds: float = AMPLE_SECONDS
) -> ImagineArtError:
    with pytest.raises(ImagineArtError) as caught:
        paint(backend, order, seconds)
    return caught.value


def picture_in(invocation: Invocation, field: str) -> Image.Image:
    return decode(base64.b64decode(invocation.document[field]))


def models_asked(bedrock: BedrockServer) -> list[str | None]:
    return [invocation.model_id for invocation in bedrock.invocations]


# What is asked


@pytest.mark.parametrize("model", MODELS)
def test_a_generation_carries_the_whole_order(bedrock: BedrockServer, model: str) -> None:
    paint(backend(bedrock.url, model), generation(output_size("16:9", "1K")))
    (invocation,) = bedrock.invocations
    mode = {"mode": "text-to-image"} if model == SD35_LARGE else {}
    assert invocation.model_id == model
    assert invocation.document == {
        "prompt": PROMPT, "aspect_ratio": "16:9", "seed": 7, "output_format": "png",
    } | mode  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_one_reference_is_edited_by_sd35_whatever_paints_from_text(
    bedrock: BedrockServer, model: str
) -> None:
    paint(backend(bedrock.url, model), edition(1))
    (invocation,) = bedrock.invocations
    assert invocation.model_id == SD35_LARGE
    assert {**invocation.document, "image": ""} == {
        "prompt": PROMPT, "mode": "image-to-image", "image": "", "strength": 0.7,
        "seed": 7, "output_format": "png",
    }  # fmt: skip


@pytest.mark.parametrize("count", [2, 3, 4])
def test_of_several_references_the_first_is_edited_in_the_style_of_the_others(
    bedrock: BedrockServer, count: int
) -> None:
    colours = ["red", "lime", "blue", "yellow"][:count]
    references = tuple(
        ReferenceImage(encode(Image.new("RGB", (300, 200), colour), "png"), PNG, Size(300, 200))
        for colour in colours
    )
    paint(backend(bedrock.url), EditOrder(PROMPT, SQUARE_1K, 7, references))
    (invocation,) = bedrock.invocations
    assert invocation.model_id == STYLE_TRANSFER
    assert invocation.document.keys() == {"prompt", "init_image", "style_image", "seed", "output_format"}
    assert nearest_colour(picture_in(invocation, "init_image"), 0.5) == "red"
    style = picture_in(invocation, "style_image")
    found = [nearest_colour(style, (place + 0.5) / (count - 1)) for place in range(count - 1)]
    assert found == colours[1:]


def nearest_colour(picture: Image.Image, across: float) -> str:
    known = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0)}
    pixel = picture.getpixel((int(picture.width * across), picture.height // 2))
    assert isinstance(pixel, tuple)
    return min(known, key=lambda name: sum(abs(a - b) for a, b in zip(known[name], pixel, strict=True)))


def test_everything_asked_is_what_botocore_would_ask(bedrock: BedrockServer) -> None:
    for model in MODELS:
        paint(backend(bedrock.url, model), generation(SQUARE_2K))
    for count in (1, 2, 4):
        paint(backend(bedrock.url), edition(count))
    assert set(models_asked(bedrock)) == {*MODELS, FAST_UPSCALE, STYLE_TRANSFER}
    operation = (
        botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("InvokeModel")
    )
    members = operation.input_shape.members
    for invocation in bedrock.invocations:
        parameters = {
            "modelId": invocation.model_id, "body": invocation.body,
            "contentType": "application/json", "accept": "application/json",
        }  # fmt: skip
        assert not ParamValidator().validate(parameters, operation.input_shape).has_errors()
        assert re.fullmatch(members["modelId"].metadata["pattern"], str(invocation.model_id))
        assert len(invocation.body) <= members["body"].metadata["max"]
        theirs = create_serializer("rest-json").serialize_to_request(parameters, operation)
        assert (invocation.method, invocation.path) == (theirs["method"], theirs["url_path"])
        assert invocation.body == theirs["body"]
        headers = {name: value for name, value in invocation.headers.items() if name not in ADDED_HEADERS}
        assert headers == {name.lower(): value for name, value in theirs["headers"].items()}


ADDED_HEADERS = {
    "accept-encoding", "authorization", "content-length", "host", "x-amz-date", "x-amz-security-token",
}  # fmt: skip


def test_a_request_below_a_path_of_its_own_is_signed_with_it(faulty: FaultBackend) -> None:
    faulty.script(PAINTED)
    paint(backend(f"{faulty.origin}/proxy"), generation())
    (request,) = faulty.requests
    assert request.path == "/proxy/model/stability.stable-image-ultra-v1%3A1/invoke"
    check_signature(request.path, request.headers, request.body, region=REGION, secrets=SECRETS)


def test_credentials_are_asked_for_on_every_call_and_never_before() -> None:
    asked = []

    def credentials() -> Credentials:
        asked.append(1)
        return IDENTITY

    with BedrockServer(pixels=FEW_PIXELS, secrets=SECRETS) as server:
        adapter = backend(server.url, credentials=credentials)
        answers = [
            adapter.generate(generation(), deadline_seconds=AMPLE_SECONDS),
            adapter.edit(edition(), deadline_seconds=AMPLE_SECONDS),
        ]
        assert (asked, server.connections) == ([], 0)
        for answer in answers:
            assert b"".join(answer)
        assert (len(asked), server.connections) == (2, 1)


def test_unreachable_credentials_are_told_as_such() -> None:
    def credentials() -> Credentials:
        raise AwsCallError("Unreachable", detail="credentials endpoint: TimeoutError")

    error = failure(backend("http://127.0.0.1:1", credentials=credentials), generation())
    assert isinstance(error, AwsCallError)


@pytest.mark.parametrize(
    "model", ["", "amazon.nova-canvas-v1:0", STYLE_TRANSFER, FAST_UPSCALE, "stability.stable-image-core-v1:0"]
)
def test_a_model_that_does_not_paint_from_text_is_refused_with_those_that_do(model: str) -> None:
    with pytest.raises(ValueError, match=re.escape(", ".join(MODELS))):
        backend("http://127.0.0.1:1", model)


def test_aws_own_endpoint_is_of_the_region() -> None:
    adapter = BedrockImagesBackend("us-east-1", lambda: IDENTITY, CORE)
    assert vars(adapter)["_host"] == "bedrock-runtime.us-east-1.amazonaws.com"


# Seeds


@given(st.integers(1, 2**63 - 1))
def test_every_seed_becomes_one_that_the_models_take_and_none_means_random(seed: int) -> None:
    fitted = bedrock_images._fit_seed(seed)
    assert 1 <= fitted <= 4_294_967_294
    assert fitted == seed or seed > 4_294_967_294


def test_seeds_that_follow_one_another_stay_apart() -> None:
    seeds = [1, 4_294_967_294, 4_294_967_295, 4_294_967_296, 2**63 - 1]
    assert [bedrock_images._fit_seed(seed) for seed in seeds] == [
        1,
        4_294_967_294,
        1,
        2,
        1 + (2**63 - 2) % 4_294_967_294,
    ]


def test_the_same_order_gives_the_same_picture_and_another_seed_another(bedrock: BedrockServer) -> None:
    adapter = backend(bedrock.url)
    first, again, other = (paint(adapter, generation(seed=seed)) for seed in (2**62, 2**62, 2**62 + 1))
    assert first == again != other
    assert adapter.has_seed


# Sizes

CHOSEN_RATIOS = {
    "1:1": "1:1", "16:9": "16:9", "9:16": "9:16", "4:3": "5:4", "3:4": "4:5", "3:2": "3:2", "2:3": "2:3",
    "21:9": "21:9", "4:5": "4:5", "5:4": "5:4", "3:1": "21:9", "1:3": "9:21", "4:1": "21:9", "1:4": "9:21",
}  # fmt: skip


@pytest.mark.parametrize(("ratio", "resolution"), [*product(GENERATION_ASPECT_RATIOS, ("1K", "2K"))])
def test_every_size_of_the_table_is_painted_exactly(
    bedrock: BedrockServer, ratio: str, resolution: str
) -> None:
    size = output_size(ratio, resolution)
    answer = backend(bedrock.url).generate(generation(size), deadline_seconds=AMPLE_SECONDS)
    png = b"".join(PillowPictureFinisher().finish(answer, size))
    assert Image.open(io.BytesIO(png)).size == (size.width, size.height)
    assert bedrock.invocations[0].document["aspect_ratio"] == CHOSEN_RATIOS[ratio]
    assert models_asked(bedrock) == [ULTRA, FAST_UPSCALE][: 1 + (resolution == "2K")]


@pytest.mark.parametrize(("ratio", "resolution"), [*product(EDIT_ASPECT_RATIOS, ("1K", "2K"))])
def test_every_size_of_the_table_is_edited_exactly(
    bedrock: BedrockServer, ratio: str, resolution: str
) -> None:
    size = output_size(ratio, resolution)
    answer = backend(bedrock.url).edit(edition(1, size), deadline_seconds=AMPLE_SECONDS)
    png = b"".join(PillowPictureFinisher().finish(answer, size))
    assert Image.open(io.BytesIO(png)).size == (size.width, size.height)
    edited = picture_in(bedrock.invocations[0], "image")
    shape = size.width / size.height
    assert edited.width / edited.height == pytest.approx(min(max(shape, 1 / 2.4), 2.4), rel=0.01)
    if resolution == "1K" and 1 / 2.4 <= shape <= 2.4:
        assert edited.size == (size.width, size.height)
    if resolution == "2K":
        assert edited.width * edited.height <= 1024 * 1024
        assert max(edited.size) <= 1536


@pytest.mark.parametrize(
    "sides",
    [
        [(64, 48)],
        [(4000, 10)],
        [(10, 4000)],
        [(900, 100)] * 2,
        [(100, 900)] * 3,
        [(1, 1), (4096, 3), (3, 4096)],
    ],
    ids=str,
)
def test_any_shape_of_reference_is_within_the_limits_of_style_transfer(
    bedrock: BedrockServer, sides: list[tuple[int, int]]
) -> None:
    """The stand-in refuses what is not."""
    references = tuple(reference(*each, kind="png") for each in [sides[0], *sides])
    assert paint(backend(bedrock.url), EditOrder(PROMPT, output_size("3:1", "1K"), 7, references))


def test_without_the_upscaler_large_sizes_are_left_to_the_finisher(bedrock: BedrockServer) -> None:
    adapter = backend(bedrock.url, upscaler=False)
    for order in (generation(SQUARE_2K), edition(1, SQUARE_2K), edition(2, SQUARE_2K)):
        assert max(decode(paint(adapter, order)).size) < 200
    assert models_asked(bedrock) == [ULTRA, SD35_LARGE, STYLE_TRANSFER]


def test_the_upscaler_gets_the_picture_as_it_was_painted(bedrock: BedrockServer) -> None:
    small = paint(backend(bedrock.url, upscaler=False), generation(SQUARE_2K))
    large = paint(backend(bedrock.url), generation(SQUARE_2K))
    assert bedrock.invocations[-1].document == {
        "image": base64.b64encode(small).decode(), "output_format": "jpeg",
    }  # fmt: skip
    assert decode(large).size == tuple(4 * side for side in decode(small).size)


@pytest.mark.parametrize(
    ("kind", "size", "sent"),
    [
        ("png", (1024, 1024), (1024, 1024)),
        ("png", (1536, 640), (1536, 640)),
        ("png", (1248, 1248), (1024, 1024)),
        ("png", (1600, 320), (1536, 307)),
        ("jpeg", (1216, 832), (1216, 832)),
    ],
)
def test_a_picture_too_large_for_the_upscaler_is_reduced(
    faulty: FaultBackend, kind: str, size: tuple[int, int], sent: tuple[int, int]
) -> None:
    faulty.script(painted(encode(gradient(*size), kind)), PAINTED)
    paint(backend(faulty.origin), generation(SQUARE_2K))
    assert decode(base64.b64decode(faulty.requests[1].json["image"])).size == sent


@pytest.mark.parametrize(
    "content",
    [b"no picture", sample("png", 2000, 1500)[:200], encode(Image.new("1", (10_000, 5_001)), "png")],
    ids=["text", "truncated", "50 megapixels"],
)
def test_what_cannot_be_made_fit_for_the_upscaler_is_a_model_error(
    faulty: FaultBackend, content: bytes
) -> None:
    faulty.script(painted(content), PAINTED)
    assert type(failure(backend(faulty.origin), generation(SQUARE_2K))) is ModelError
    assert len(faulty.requests) == 1


# Pictures that need no work


def test_a_picture_is_handed_on_as_the_model_made_it(faulty: FaultBackend) -> None:
    faulty.script(PAINTED, PAINTED)
    adapter = backend(faulty.origin)
    assert paint(adapter, generation()) == A_PICTURE
    assert paint(adapter, edition()) == A_PICTURE


def test_pillow_is_not_loaded_for_a_picture_from_text(faulty: FaultBackend) -> None:
    faulty.script(PAINTED)
    script = f"""
import sys
from imagineart.adapters.aws_signature import Credentials
from imagineart.adapters.bedrock_images import CORE, BedrockImagesBackend
from imagineart.domain.orders import GenerationOrder
from imagineart.domain.sizes import Size
identity = Credentials("a", "b")
backend = BedrockImagesBackend("us-west-2", lambda: identity, CORE, endpoint_url={faulty.origin!r})
order = GenerationOrder("a fox", Size(1024, 1024), 7, "low")
assert b"".join(backend.generate(order, deadline_seconds=30))
print("PIL" in sys.modules, "botocore" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT / "shared", capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_reference_that_is_right_already_is_sent_as_it_is(bedrock: BedrockServer, kind: str) -> None:
    right = reference(1248, 832, kind)
    paint(backend(bedrock.url), EditOrder(PROMPT, output_size("3:2", "1K"), 7, (right,)))
    assert base64.b64decode(bedrock.invocations[0].document["image"]) == right.content


def test_what_is_transparent_in_a_reference_becomes_white(bedrock: BedrockServer) -> None:
    """The sample is transparent to the left."""
    clear = reference(1024, 1024, "png", "RGBA")
    paint(backend(bedrock.url), EditOrder(PROMPT, SQUARE_1K, 7, (clear,)))
    sent = picture_in(bedrock.invocations[0], "image")
    pixel = sent.getpixel((2, 512))
    assert isinstance(pixel, tuple)
    assert min(pixel) > 240


def test_a_reference_that_cannot_be_read_is_a_model_error(bedrock: BedrockServer) -> None:
    broken = ReferenceImage(sample("png")[:60], PNG, Size(64, 48))
    for references in [(broken,), (reference(), broken)]:
        error = failure(backend(bedrock.url), EditOrder(PROMPT, SQUARE_1K, 7, references))
        assert type(error) is ModelError
    assert bedrock.invocations == []


# What goes wrong

EXPECTED: Mapping[Fault, type[ImagineArtError]] = {
    Fault.THROTTLED: RateLimitedError,
    Fault.NOT_READY: ModelUnavailableError,
    Fault.UNAVAILABLE: ModelUnavailableError,
    Fault.NO_MODEL_ACCESS: ModelAuthError,
    Fault.NO_PERMISSION: ModelAuthError,
    Fault.UNKNOWN_CLIENT: ModelAuthError,
    Fault.EXPIRED_TOKEN: ModelAuthError,
    Fault.NO_SUCH_MODEL: ModelNotAvailableError,
    Fault.END_OF_LIFE: ModelNotAvailableError,
    Fault.INVALID_MODEL: ModelNotAvailableError,
    Fault.NEEDS_PROFILE: ModelNotAvailableError,
    Fault.WRONG_REGION: ModelNotAvailableError,
    Fault.NOT_ALLOWED: ModelNotAvailableError,
    Fault.MALFORMED: OrderRefusedError,
    Fault.FILTERED_WORDS: InvalidRequestError,
    Fault.OVER_QUOTA: ModelError,
    Fault.MODEL_TIMEOUT: ModelError,
    Fault.MODEL_FAILED: ModelError,
    Fault.INTERNAL: ModelError,
    Fault.PROMPT_FILTERED: InvalidRequestError,
    Fault.OUTPUT_FILTERED: InvalidRequestError,
    Fault.INPUT_FILTERED: InvalidRequestError,
    Fault.INFERENCE_FAILED: ModelError,
    Fault.EMPTY: ModelError,
}


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
def test_every_fault_becomes_its_error_and_tells_the_operator_the_model_and_region(
    bedrock: BedrockServer, fault: Fault
) -> None:
    bedrock.fail(fault)
    error = failure(backend(bedrock.url), generation())
    assert type(error) is EXPECTED[fault]
    assert error.detail is not None
    assert error.detail.startswith(f"{ULTRA} in us-west-2: ")
    for inner in ("127.0.0.1", "stability", "us-west-2", "Exception", "arn:", "AKIALOCAL"):
        assert inner not in error.message


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault.NO_MODEL_ACCESS, "enable access to this model for the account in this region"),
        (Fault.NO_PERMISSION, "allow the role bedrock:InvokeModel"),
        (Fault.NO_PERMISSION, "is not authorized to perform"),
        (Fault.EXPIRED_TOKEN, "check the role's credentials"),
        (Fault.NEEDS_PROFILE, "inference profile"),
        (Fault.INVALID_MODEL, "check that this model is offered in this region"),
        (Fault.THROTTLED, "Service Quotas"),
        (Fault.OVER_QUOTA, "Service Quotas"),
        (Fault.MALFORMED, "extraneous key [x]"),
        (Fault.INTERNAL, "500 InternalServerException"),
        (Fault.INFERENCE_FAILED, "Inference error"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else value,
)
def test_the_log_tells_what_to_do(bedrock: BedrockServer, fault: Fault, told: str) -> None:
    bedrock.fail(fault)
    error = failure(backend(bedrock.url), generation())
    assert told in str(error.detail)
    if fault.status != 200:
        assert re.search(r"request [0-9a-f-]{36}", str(error.detail))


def test_a_refused_prompt_and_a_refused_reference_are_the_callers_to_mend(bedrock: BedrockServer) -> None:
    bedrock.fail(Fault.PROMPT_FILTERED, Fault.OUTPUT_FILTERED, Fault.INPUT_FILTERED, Fault.PROMPT_FILTERED)
    adapter = backend(bedrock.url)
    orders = [generation(), generation(), edition(), edition()]
    assert [failure(adapter, order).message for order in orders] == [
        "prompt: the model refused it under its content policy.",
        "prompt: the model refused it under its content policy.",
        "images: the model refused a reference image under its content policy.",
        "prompt: the model refused it under its content policy.",
    ]


def test_a_picture_refused_by_the_upscaler_is_no_reference(bedrock: BedrockServer) -> None:
    bedrock.fail(None, Fault.INPUT_FILTERED)
    error = failure(backend(bedrock.url), edition(1, SQUARE_2K))
    assert error.message == "prompt: the model refused it under its content policy."


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.THROTTLED, ModelError),
        (Fault.UNAVAILABLE, ModelError),
        (Fault.NOT_READY, ModelError),
        (Fault.NO_MODEL_ACCESS, ModelAuthError),
        (Fault.NEEDS_PROFILE, ModelNotAvailableError),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else value.__name__,
)
def test_what_was_painted_but_not_enlarged_is_not_to_be_painted_again(
    bedrock: BedrockServer, fault: Fault, expected: type[ImagineArtError]
) -> None:
    bedrock.fail(None, fault)
    error = failure(backend(bedrock.url), generation(SQUARE_2K))
    assert type(error) is expected
    assert FAST_UPSCALE in str(error.detail)


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_a_region_without_the_model_is_told(region: str) -> None:
    with BedrockServer(region=region, secrets=SECRETS) as server:
        error = failure(backend(server.url, region=region), generation())
    assert isinstance(error, ModelNotAvailableError)
    assert f"in {region}: 400 ValidationException" in str(error.detail)


def test_a_wrong_secret_or_key_is_told_without_either() -> None:
    with BedrockServer(secrets={"AKIALOCAL": "another", "AKIAOTHER": "a secret"}) as server:
        error = failure(backend(server.url), generation())
    assert isinstance(error, ModelAuthError)
    assert "InvalidSignatureException" in str(error.detail)
    assert "a secret" not in str(error.detail)


def errors() -> list[Any]:
    """(status, header, body, expected)"""
    throttling = {"message": "Slow down."}
    return [
        (400, "ThrottlingException", throttling, RateLimitedError),
        (429, "", throttling, RateLimitedError),
        (429, "", {}, RateLimitedError),
        (400, "", {"__type": "com.amazon.coral#ThrottlingException"}, RateLimitedError),
        (400, "", {"code": "ThrottlingException"}, RateLimitedError),
        (400, "aws.bedrock#ThrottlingException:http://x", {}, RateLimitedError),
        (401, "", {}, ModelAuthError),
        (403, "", {"Message": "Forbidden"}, ModelAuthError),
        (403, "InvalidSignatureException", {"message": "'x-amz-security-token:a session'"}, ModelAuthError),
        (400, "IncompleteSignatureException", {}, ModelAuthError),
        (400, "ExpiredTokenException", {}, ModelAuthError),
        (404, "UnknownOperationException", {}, ModelNotAvailableError),
        (503, "", {}, ModelUnavailableError),
        (400, "", {}, ModelError),
        (400, "ValidationException", {}, OrderRefusedError),
        (400, "ValidationException", {"message": None}, OrderRefusedError),
        (400, "ValidationException", {"message": "Blocked by our content filters."}, InvalidRequestError),
        (400, "ValidationException", {"message": "'x' at 'modelId' failed"}, ModelNotAvailableError),
        (500, "ValidationError", ["no object"], ModelError),
        (500, "InternalServerException", {"message": "The content filter failed."}, ModelError),
        (418, "NeverSeenException", {"message": "a surprise"}, ModelError),
        (301, "", {}, ModelError),
        (204, "", {}, ModelError),
    ]


@pytest.mark.parametrize(("status", "header", "body", "expected"), errors())
def test_every_other_error_has_its_place(
    faulty: FaultBackend, status: int, header: str, body: Any, expected: type[ImagineArtError]
) -> None:
    headers = {"x-amzn-ErrorType": header} if header else {}
    faulty.script(Answer(status, headers=headers, body=json.dumps(body).encode()))
    error = failure(backend(faulty.origin), generation())
    assert type(error) is expected
    assert f"in us-west-2: {status}" in str(error.detail)
    assert "a session" not in str(error.detail)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(502, "text/html", b"<!doctype html>"), Answer(500, body=b"[" * 100_000),
        Answer(500),
        Answer(), Answer(200, "text/html", b"<!doctype html>"), Answer(body=b"[" * 100_000),
        Answer(body=b"\xff\xfe"),
        Answer(body=b'{"images": ["QUJD'), Answer(body=b'{"images": ["QUJD"], "x": }'),
        document(None), document([]), document({}), document({"images": []}), document({"images": [None]}),
        document({"images": [""]}), document({"images": "QUJD"}), document({"images": [17]}),
        document({"images": ["no base64!"]}), document({"images": ["QUJ"]}), document({"images": ["füchse"]}),
        document({"finish_reasons": [None], "images": ["a\\b"]}),
        document({"finish_reasons": ["Inference error"], "images": ["QUJD"]}),
        document({"finish_reasons": [17], "images": ["QUJD"]}),
        PAINTED.delivered(Delivery.CUT), PAINTED.delivered(Delivery.RESET),
    ],
    ids=lambda answer: ascii(answer.body[:32]),
)  # fmt: skip
def test_every_answer_without_a_picture_is_a_model_error(faulty: FaultBackend, answer: Answer) -> None:
    faulty.script(answer)
    assert type(failure(backend(faulty.origin), generation())) is ModelError


@pytest.mark.parametrize(
    "body",
    [
        {"images": ["QUJD"], "seeds": [7], "finish_reasons": [None]},
        {"images": ["QUJD"]},
        {"images": ["QUJD"], "finish_reasons": []},
        {"images": ["QUJD", "REVG"], "finish_reasons": [None, "Filter reason: prompt"]},
        {"finish_reasons": None, "images": ["QUJD"]},
    ],
)
def test_the_first_picture_is_found_wherever_it_stands(faulty: FaultBackend, body: Any) -> None:
    faulty.script(document(body), Answer(body=json.dumps(body, indent=2).encode()))
    adapter = backend(faulty.origin)
    assert [paint(adapter, generation()) for _ in range(2)] == [b"ABC"] * 2


def test_escapes_in_the_base64_are_understood(faulty: FaultBackend) -> None:
    faulty.script(Answer(body=rb'{"images":["\/\/\u002b\/"]}'))
    assert paint(backend(faulty.origin), generation()) == base64.b64decode("//+/")


@pytest.mark.parametrize("kind", ["ValidationException", "ModelErrorException"])
def test_the_prompt_is_never_logged(faulty: FaultBackend, kind: str) -> None:
    message = {"message": f"Value '{PROMPT}' at 'prompt' failed"}
    faulty.script(Answer(400, headers={"x-amzn-ErrorType": kind}, body=json.dumps(message).encode()))
    error = failure(backend(faulty.origin), generation())
    assert "fox" not in str(error.detail) + error.message
    assert kind in str(error.detail)


def test_what_is_said_of_the_content_is_never_logged_for_it_may_quote_any_part_of_the_prompt(
    faulty: FaultBackend,
) -> None:
    message = {"message": "The prompt has prohibited words 'Jane Q. Public'"}
    headers = {"x-amzn-ErrorType": "ValidationException"}
    faulty.script(Answer(400, headers=headers, body=json.dumps(message).encode()))
    error = failure(backend(faulty.origin), generation())
    assert isinstance(error, InvalidRequestError)
    assert "Jane" not in str(error.detail) + error.message


@pytest.mark.parametrize(
    "delivery",
    [Delivery.HELD, Delivery.HELD_BODY, Delivery.DRIPPED, Delivery.DRIPPED_BODY],
    ids=lambda d: d.name,
)
def test_the_deadline_holds_however_slowly_bedrock_answers(faulty: FaultBackend, delivery: Delivery) -> None:
    faulty.script(PAINTED.delivered(delivery))
    error = failure(backend(faulty.origin), generation(), seconds=0.2)
    assert isinstance(error, ModelTimeoutError)


def test_the_deadline_is_over_painting_and_enlarging_together(faulty: FaultBackend) -> None:
    faulty.script(PAINTED, PAINTED.delivered(Delivery.HELD))
    error = failure(backend(faulty.origin), generation(SQUARE_2K), seconds=1.0)
    assert isinstance(error, ModelTimeoutError)
    assert error.detail == f"{FAST_UPSCALE} in us-west-2: ModelTimeoutError"
    assert len(faulty.requests) == 2


@pytest.mark.parametrize(
    "order", [generation(), edition(1), edition(4)], ids=lambda order: type(order).__name__
)
def test_a_deadline_that_has_passed_is_a_timeout_at_once(bedrock: BedrockServer, order: Any) -> None:
    assert isinstance(failure(backend(bedrock.url), order, seconds=0.0), ModelTimeoutError)
    assert bedrock.invocations == []


def test_a_refused_connection_did_no_work() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    error = failure(backend(url), generation())
    assert type(error) is ModelUnavailableError
    assert str(error.detail).startswith(f"{ULTRA} in us-west-2: ConnectionRefusedError")


def test_one_connection_serves_many_calls_failed_ones_too(bedrock: BedrockServer) -> None:
    adapter = backend(bedrock.url)
    before = bedrock.connections
    bedrock.fail(Fault.THROTTLED, Fault.PROMPT_FILTERED)
    for _ in range(2):
        failure(adapter, generation())
    paint(adapter, generation(SQUARE_2K))
    paint(adapter, edition(2))
    assert (bedrock.connections - before, len(bedrock.invocations)) == (1, 5)


def test_an_answer_that_nobody_reads_is_let_go(bedrock: BedrockServer) -> None:
    adapter = backend(bedrock.url)
    answer = adapter.generate(generation(), deadline_seconds=AMPLE_SECONDS)
    assert next(answer)
    answer.close()
    assert list(answer) == []
    assert paint(adapter, generation())

"""What is special about Amazon Bedrock; the rest is in tests/conformance."""

import asyncio
import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pytest
from botocore import exceptions
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagineart.aws import AwsClients
from imagineart.backends import bedrock as module
from imagineart.backends.aws_errors import translated_errors
from imagineart.backends.bedrock import BedrockBackend
from imagineart.backends.bedrock_services import (
    CONTROL_SKETCH,
    CONTROL_STRUCTURE,
    FAST_UPSCALE,
    INPAINT,
    OUTPAINT,
    REMOVE_BACKGROUND,
    SD35_LARGE,
    STYLE_TRANSFER,
    ULTRA,
)
from imagineart.errors import (
    ImagineArtError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelUnavailableError,
    RateLimitedError,
    RequestRefusedError,
)
from imagineart.images.finish import finish_image
from imagineart.images.kinds import JPEG, PNG
from imagineart.images.masks import Margins, inpaint_request, outpaint_request
from imagineart.images.model import ImageRequest, ReferenceImage
from imagineart.images.operations import ModelOperation
from imagineart.images.sizes import EDIT_ASPECT_RATIOS, Size, output_size
from imagineart.models.routes import BedrockModel
from local.bedrock.faults import Fault
from local.bedrock.server import BedrockServer, Invocation
from tests.fault_backend import FaultBackend, Response, document
from tests.sample_images import decode, encode, gradient, sample
from tests.unit.backends.conftest import Fail, Generate

REGION = "us-west-2"
FEW_PIXELS = 64 * 64
PROMPT = "a fox 🦊 at “night”\r\n"
SQUARE_1K, SQUARE_2K = output_size("1:1", "1K"), output_size("1:1", "2K")
AN_IMAGE = sample("png")
GENERATION = ImageRequest(PROMPT, SQUARE_1K, seed=7, reasoning="high")
THREADS = ThreadPoolExecutor(4)


CLIENTS = AwsClients(
    {"AWS_ACCESS_KEY_ID": "AKIALOCAL", "AWS_SECRET_ACCESS_KEY": "a secret", "AWS_REGION": REGION}
)


def backend(url: str, model: BedrockModel = ULTRA, *, upscaler: bool = True) -> BedrockBackend:
    return BedrockBackend(CLIENTS, THREADS, REGION, model, upscaler=upscaler, endpoint_url=url)


@pytest.fixture
def bedrock() -> Iterator[BedrockServer]:
    with BedrockServer(pixels=FEW_PIXELS) as running:
        yield running


def made(content: bytes) -> Response:
    images = [base64.b64encode(content).decode()]
    return document({"seeds": [7], "finish_reasons": [None], "images": images})


def reference(width: int = 64, height: int = 48, kind: str = "jpeg", mode: str = "RGB") -> ReferenceImage:
    content = sample(kind, width, height, mode)
    return ReferenceImage(content, {"jpeg": JPEG, "png": PNG}[kind], Size(width, height))


def edit_of(*references: ReferenceImage, size: Size = SQUARE_1K) -> ImageRequest:
    return ImageRequest(PROMPT, size, seed=7, references=references)


def image_in(invocation: Invocation, field: str) -> Image.Image:
    return decode(base64.b64decode(invocation.document[field]))


def models_called(bedrock: BedrockServer) -> list[str | None]:
    return [invocation.model_id for invocation in bedrock.invocations]


# What is sent


@pytest.mark.parametrize("model", get_args(BedrockModel))
def test_text_goes_to_the_configured_model_and_one_reference_to_sd35(
    bedrock: BedrockServer, generate: Generate, model: str
) -> None:
    generate(backend(bedrock.url, model), replace(GENERATION, size=output_size("16:9", "1K")))
    generate(backend(bedrock.url, model), edit_of(reference()))
    generation, edit = bedrock.invocations
    common = {"prompt": PROMPT, "seed": 7, "output_format": "png"}
    mode = {"mode": "text-to-image"} if model == SD35_LARGE else {}
    assert (generation.model_id, edit.model_id) == (model, SD35_LARGE)
    assert generation.document == {**common, "aspect_ratio": "16:9"} | mode
    assert {**edit.document, "image": ""} == {
        **common, "mode": "image-to-image", "image": "", "strength": 0.7,
    }  # fmt: skip


@pytest.mark.parametrize("count", [2, 4])
def test_of_several_references_the_first_is_edited_in_the_style_of_the_others(
    bedrock: BedrockServer, generate: Generate, count: int
) -> None:
    generate(backend(bedrock.url), edit_of(*[reference()] * count))
    (invocation,) = bedrock.invocations
    assert invocation.model_id == STYLE_TRANSFER
    assert invocation.document.keys() == {"prompt", "init_image", "style_image", "seed", "output_format"}


@pytest.mark.parametrize("size", [SQUARE_1K, output_size("3:1", "1K")], ids=str)
def test_a_mask_goes_to_the_inpaint_service_in_a_frame_that_it_takes_and_only_its_part_changes(
    bedrock: BedrockServer, generate: Generate, size: Size
) -> None:
    white = Image.new("L", (64, 64))
    white.paste(255, (0, 0, 32, 64))
    edit = edit_of(reference(size.width, size.height, "png"), size=size)
    request = inpaint_request(edit, encode(white, "PNG"))
    made = generate(backend(bedrock.url), request).content
    (invocation,) = bedrock.invocations
    assert invocation.model_id == INPAINT
    assert invocation.document["grow_mask"] == 0
    image, mask = image_in(invocation, "image"), image_in(invocation, "mask")
    assert image.size == mask.size
    assert max(image.size) <= 2.5 * min(image.size)
    result = decode(asyncio.run(finish_image(made, request)))
    half = size.width // 2
    before = decode(request.references[0].content)
    assert result.crop((half, 0, *result.size)).tobytes() == before.crop((half, 0, *before.size)).tobytes()
    assert (
        result.crop((0, 0, half, size.height)).tobytes() != before.crop((0, 0, half, size.height)).tobytes()
    )


def subject_on_white(width: int = 240, height: int = 160) -> ReferenceImage:
    """A red square in the middle of a white image."""
    image = Image.new("RGB", (width, height), "white")
    image.paste((200, 20, 20), (width // 2 - 30, height // 2 - 30, width // 2 + 30, height // 2 + 30))
    return ReferenceImage(encode(image, "PNG"), PNG, Size(width, height))


def made_of(bedrock: BedrockServer, generate: Generate, request: ImageRequest) -> Image.Image:
    generated = generate(backend(bedrock.url), request)
    return decode(asyncio.run(finish_image(generated.content, request)))


def test_an_image_grows_by_its_margins_and_stays_as_it_is_within_them(
    bedrock: BedrockServer, generate: Generate
) -> None:
    small = edit_of(subject_on_white(), size=Size(240, 160))
    request = outpaint_request(small, Margins(left=64, bottom=40))
    grown = made_of(bedrock, generate, request)
    (invocation,) = bedrock.invocations
    assert invocation.model_id == OUTPAINT
    assert [invocation.document[side] for side in ("left", "up", "right", "down")] == [64, 0, 0, 40]
    assert image_in(invocation, "image").size == (240, 160)
    assert grown.size == (304, 200)
    before = decode(subject_on_white().content)
    assert grown.crop((64, 0, 304, 160)).tobytes() == before.tobytes()
    assert grown.crop((0, 0, 64, 200)).getextrema() != before.crop((0, 0, 64, 160)).getextrema()


def test_an_image_is_enlarged_to_the_size_that_is_asked_for(
    bedrock: BedrockServer, generate: Generate
) -> None:
    request = replace(edit_of(subject_on_white(), size=Size(960, 640)), operation=ModelOperation.UPSCALE)
    assert made_of(bedrock, generate, request).size == (960, 640)
    assert models_called(bedrock) == [FAST_UPSCALE]
    assert not generate(backend(bedrock.url), request).has_seed


def test_a_background_is_removed_and_the_result_is_transparent(
    bedrock: BedrockServer, generate: Generate
) -> None:
    request = replace(
        edit_of(subject_on_white(), size=Size(240, 160)),
        operation=ModelOperation.REMOVE_BACKGROUND,
        background="transparent",
    )
    alpha = made_of(bedrock, generate, request).getchannel("A")
    assert models_called(bedrock) == [REMOVE_BACKGROUND]
    assert (alpha.getpixel((0, 0)), alpha.getpixel((120, 80))) == (0, 255)


def test_a_background_is_replaced_and_the_subject_stays_pixel_by_pixel(
    bedrock: BedrockServer, generate: Generate
) -> None:
    request = replace(
        edit_of(subject_on_white(), size=Size(240, 160)), operation=ModelOperation.REPLACE_BACKGROUND
    )
    result = made_of(bedrock, generate, request)
    assert models_called(bedrock) == [REMOVE_BACKGROUND, INPAINT]
    inside = result.crop((95, 55, 145, 105))
    assert inside.getcolors() == [(50 * 50, (200, 20, 20))]
    assert result.crop((0, 0, 60, 160)).getcolors(10_000) != [(60 * 160, (255, 255, 255))]


@pytest.mark.parametrize(
    ("operation", "service"),
    [
        (ModelOperation.CONTROL_SCRIBBLE, CONTROL_SKETCH),
        (ModelOperation.CONTROL_CANNY, CONTROL_SKETCH),
        (ModelOperation.CONTROL_LINEART, CONTROL_SKETCH),
        (ModelOperation.CONTROL_DEPTH, CONTROL_STRUCTURE),
    ],
)
def test_a_control_goes_to_its_service_with_its_strength(
    bedrock: BedrockServer, generate: Generate, operation: ModelOperation, service: str
) -> None:
    request = replace(edit_of(subject_on_white()), operation=operation)
    images = [made_of(bedrock, generate, replace(request, strength=each)) for each in (None, 0.9)]
    assert models_called(bedrock) == [service] * 2
    assert [each.document.get("control_strength") for each in bedrock.invocations] == [None, 0.9]
    assert images[0].size == (SQUARE_1K.width, SQUARE_1K.height)
    assert images[0].tobytes() != images[1].tobytes()


def test_a_negative_prompt_goes_to_every_model(bedrock: BedrockServer, generate: Generate) -> None:
    for request in (GENERATION, edit_of(reference()), edit_of(reference(), reference())):
        generate(backend(bedrock.url), replace(request, negative_prompt="rain"))
    assert [each.document["negative_prompt"] for each in bedrock.invocations] == ["rain"] * 3


@given(st.integers(1, 2**63 - 1))
def test_every_seed_becomes_one_that_the_models_take_and_none_means_random(seed: int) -> None:
    fitted = module._fit_seed(seed)
    assert 1 <= fitted <= 4_294_967_294
    assert fitted == seed or seed > 4_294_967_294
    assert module._fit_seed(seed + 1) != fitted


# Sizes

CHOSEN_RATIOS = {
    "1:1": "1:1", "16:9": "16:9", "9:16": "9:16", "4:3": "5:4", "3:4": "4:5", "3:2": "3:2", "2:3": "2:3",
    "21:9": "21:9", "4:5": "4:5", "5:4": "5:4", "3:1": "21:9", "1:3": "9:21", "4:1": "21:9", "1:4": "9:21",
}  # fmt: skip


@pytest.mark.parametrize("ratio", CHOSEN_RATIOS)
def test_every_ratio_is_cut_out_of_the_nearest_one(
    bedrock: BedrockServer, generate: Generate, ratio: str
) -> None:
    generate(backend(bedrock.url), replace(GENERATION, size=output_size(ratio, "1K")))
    assert [each.document["aspect_ratio"] for each in bedrock.invocations] == [CHOSEN_RATIOS[ratio]]


@pytest.mark.parametrize(("ratio", "resolution"), [*product(EDIT_ASPECT_RATIOS, ("1K", "2K"))])
def test_the_image_to_edit_has_the_shape_that_is_asked_for_as_far_as_the_services_take_it(
    bedrock: BedrockServer, generate: Generate, ratio: str, resolution: str
) -> None:
    size = output_size(ratio, resolution)
    generate(backend(bedrock.url, upscaler=False), edit_of(reference(), size=size))
    edited = image_in(bedrock.invocations[0], "image")
    shape = size.width / size.height
    assert edited.width / edited.height == pytest.approx(min(max(shape, 1 / 2.4), 2.4), rel=0.01)
    if resolution == "1K" and 1 / 2.4 <= shape <= 2.4:
        assert edited.size == (size.width, size.height)
    if resolution == "2K":
        assert edited.width * edited.height <= 1024 * 1024
        assert max(edited.size) <= 1536


@pytest.mark.parametrize(
    "sides",
    [[(64, 48)], [(4000, 10)], [(10, 4000)], [(900, 100)] * 2, [(100, 900)] * 3, [(1, 1), (4096, 3)]],
    ids=str,
)  # fmt: skip
def test_any_shape_of_reference_is_within_the_limits_of_style_transfer(
    bedrock: BedrockServer, generate: Generate, sides: list[tuple[int, int]]
) -> None:
    """The stand-in refuses what is not."""
    references = [reference(*each, kind="png") for each in [sides[0], *sides]]
    assert generate(backend(bedrock.url), edit_of(*references, size=output_size("3:1", "1K"))).content


def test_without_the_upscaler_large_sizes_are_left_as_they_were_made(
    bedrock: BedrockServer, generate: Generate
) -> None:
    for request in (replace(GENERATION, size=SQUARE_2K), edit_of(reference(), size=SQUARE_2K)):
        assert max(decode(generate(backend(bedrock.url, upscaler=False), request).content).size) < 200
    assert models_called(bedrock) == [ULTRA, SD35_LARGE]


@pytest.mark.parametrize(
    ("kind", "size", "sent"),
    [
        ("png", (1024, 1024), (1024, 1024)), ("png", (1536, 640), (1536, 640)),
        ("png", (1248, 1248), (1024, 1024)), ("png", (1600, 320), (1536, 307)),
        ("jpeg", (1216, 832), (1216, 832)),
    ],
)  # fmt: skip
def test_the_upscaler_gets_the_image_as_it_was_made_or_reduced_to_what_it_takes(
    server: FaultBackend, generate: Generate, kind: str, size: tuple[int, int], sent: tuple[int, int]
) -> None:
    content = encode(gradient(*size), kind)
    server.script(made(content), made(AN_IMAGE))
    assert generate(backend(server.origin), replace(GENERATION, size=SQUARE_2K)).content == AN_IMAGE
    _, upscale = server.requests
    given = base64.b64decode(upscale.json["image"])
    assert decode(given).size == sent
    assert (given == content) is (kind == "png" and size == sent)
    assert upscale.json["output_format"] == "jpeg"


@pytest.mark.parametrize("content", [b"not an image", sample("png", 2000, 1500)[:200]])
def test_what_cannot_be_enlarged_is_a_model_error(
    server: FaultBackend, failure: Fail, content: bytes
) -> None:
    server.script(made(content))
    assert type(failure(backend(server.origin), replace(GENERATION, size=SQUARE_2K))) is ModelError
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_reference_that_is_right_already_is_sent_as_it_is(
    bedrock: BedrockServer, generate: Generate, kind: str
) -> None:
    right = reference(1248, 832, kind)
    generate(backend(bedrock.url), edit_of(right, size=output_size("3:2", "1K")))
    assert base64.b64decode(bedrock.invocations[0].document["image"]) == right.content


def test_what_is_transparent_in_a_reference_becomes_white(bedrock: BedrockServer, generate: Generate) -> None:
    """The sample is transparent to the left."""
    generate(backend(bedrock.url), edit_of(reference(1024, 1024, "png", "RGBA")))
    assert min(image_in(bedrock.invocations[0], "image").getpixel((2, 512))) > 240


def test_a_reference_that_cannot_be_read_is_a_model_error(bedrock: BedrockServer, failure: Fail) -> None:
    broken = ReferenceImage(sample("png")[:60], PNG, Size(64, 48))
    for references in [(broken,), (reference(), broken)]:
        assert type(failure(backend(bedrock.url), edit_of(*references))) is ModelError
    assert bedrock.invocations == []


# What goes wrong


def said(fault: Fault) -> Response:
    """What Bedrock says instead of an image."""
    headers = {"x-amzn-RequestId": "11-22"}
    if fault.error_type:
        headers["x-amzn-ErrorType"] = f"{fault.error_type}:http://internal.amazon.com/coral/"
    return Response(fault.status, headers=headers, body=json.dumps(fault.document).encode())


def refusal(status: int, code: str, message: str | None = "") -> Response:
    return replace(document({"message": message}, status), headers={"x-amzn-ErrorType": code} if code else {})


ERRORS: list[tuple[Response, type[ImagineArtError], str]] = [
    (said(Fault.THROTTLED), RateLimitedError, "request 11-22; raise the quota"),
    (refusal(400, "aws.bedrock#ThrottlingException:http://x"), RateLimitedError, "400 ThrottlingException"),
    (document({"__type": "com.amazon.coral#ThrottlingException"}, 400), RateLimitedError, "400"),
    (refusal(429, ""), RateLimitedError, "429"),
    (said(Fault.NOT_READY), ModelUnavailableError, "429 ModelNotReadyException"),
    (refusal(503, ""), ModelUnavailableError, "503"),
    (said(Fault.NO_MODEL_ACCESS), ModelAuthError, "enable access to this model for the account"),
    (said(Fault.NO_PERMISSION), ModelAuthError, "allow the role bedrock:InvokeModel"),
    (said(Fault.NO_PERMISSION), ModelAuthError, "is not authorized to perform"),
    (refusal(403, "AccessDeniedException", "INVALID_PAYMENT_INSTRUMENT"), ModelAuthError, "account can pay"),
    (said(Fault.EXPIRED_TOKEN), ModelAuthError, "check the role's credentials"),
    (refusal(403, "InvalidSignatureException", "'x-amz-security-token: a fox'"), ModelAuthError, "403"),
    (refusal(401, ""), ModelAuthError, "401"),
    (refusal(402, ""), ModelAuthError, "402"),
    (said(Fault.END_OF_LIFE), ModelNotAvailableError, "404 ResourceNotFoundException"),
    (said(Fault.INVALID_MODEL), ModelNotAvailableError, "check that this model is offered in this region"),
    (said(Fault.NEEDS_PROFILE), ModelNotAvailableError, "inference profile"),
    (said(Fault.WRONG_REGION), ModelNotAvailableError, "not supported in this Region"),
    (said(Fault.NOT_ALLOWED), ModelNotAvailableError, "Operation not allowed"),
    (said(Fault.OVER_QUOTA), ModelNotAvailableError, "Service Quotas"),
    (refusal(400, "ValidationException", "'x' at 'modelId' failed"), ModelNotAvailableError, "modelId"),
    (refusal(404, "UnknownOperationException"), ModelNotAvailableError, "404"),
    (said(Fault.MALFORMED), RequestRefusedError, "extraneous key [x]"),
    (refusal(400, "ValidationException", None), RequestRefusedError, "400 ValidationException"),
    (said(Fault.FILTERED_WORDS), InvalidRequestError, "400 ValidationException"),
    (refusal(400, "ValidationException", "Blocked by content filters: a fox"), InvalidRequestError, "400"),
    (said(Fault.OUTPUT_FILTERED), InvalidRequestError, "Filter reason: output image"),
    (refusal(400, "ValidationException", f"Value '{PROMPT}' failed"), RequestRefusedError, "400 Validation"),
    (refusal(400, "a fox", "a fox"), ModelError, "400"),
    (said(Fault.MODEL_TIMEOUT), ModelError, "408"),
    (said(Fault.INTERNAL), ModelError, "500 InternalServerException"),
    (refusal(500, "InternalServerException", "The content filter failed."), ModelError, "500"),
    (said(Fault.INFERENCE_FAILED), ModelError, "Inference error"),
    (refusal(418, "NeverSeenException"), ModelError, "418"),
    (refusal(301, ""), ModelError, "301"),
    (Response(500, body=b'["no object"]'), ModelError, ""),
    (document({}), RequestRefusedError, "without an image"),
    (document({"images": []}), RequestRefusedError, "without an image"),
    (document({"images": [None]}), RequestRefusedError, "without an image"),
    (document({"images": "QUJD"}), RequestRefusedError, "without an image"),
    (document({"images": ["not base64!"]}), ModelError, "invalid base64"),
    (document([]), ModelError, "no JSON object"),
    (Response(), ModelError, "no JSON object"),
    (Response(body=b'{"images": ["QUJD'), ModelError, "no JSON object"),
    (document({"finish_reasons": [17], "images": ["QUJD"]}), ModelError, "finish reason '17'"),
]


@pytest.mark.parametrize(
    ("response", "expected", "logged"),
    ERRORS,
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_every_bad_response_becomes_its_error_and_the_log_says_what_where_and_what_to_do(
    server: FaultBackend, failure: Fail, response: Response, expected: type[ImagineArtError], logged: str
) -> None:
    server.script(response)
    error = failure(backend(server.origin), GENERATION)
    assert type(error) is expected
    assert (error.detail or "").startswith(f"{ULTRA} in us-west-2: ")
    assert logged in str(error.detail)
    for inner in ("127.0.0.1", "stability", "us-west-2", "Exception", "arn:", "fox"):
        assert inner not in error.message
    assert "fox" not in str(error.detail)


def test_a_refused_reference_is_the_callers_to_change_unless_it_was_refused_when_it_was_enlarged(
    bedrock: BedrockServer, failure: Fail
) -> None:
    bedrock.fail(Fault.INPUT_FILTERED, Fault.PROMPT_FILTERED, None, Fault.INPUT_FILTERED)
    edit = edit_of(reference())
    messages = [
        failure(backend(bedrock.url), each).message for each in (edit, edit, replace(edit, size=SQUARE_2K))
    ]
    assert messages == [
        "images: the model refused a reference image under its content policy.",
        "prompt: the model refused it under its content policy.",
        "prompt: the model refused it under its content policy.",
    ]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.THROTTLED, ModelError),
        (Fault.UNAVAILABLE, ModelError),
        (Fault.NO_MODEL_ACCESS, ModelAuthError),
        (Fault.NEEDS_PROFILE, ModelNotAvailableError),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else value.__name__,
)
def test_an_image_that_was_made_but_not_enlarged_is_not_to_be_made_again(
    bedrock: BedrockServer, failure: Fail, fault: Fault, expected: type[ImagineArtError]
) -> None:
    bedrock.fail(None, fault)
    error = failure(backend(bedrock.url), replace(GENERATION, size=SQUARE_2K))
    assert type(error) is expected
    assert FAST_UPSCALE in str(error.detail)


def test_a_wrong_signature_is_reported_without_the_secret(failure: Fail) -> None:
    with BedrockServer(region="eu-west-1") as server:
        error = failure(backend(server.url), GENERATION)
    assert type(error) is ModelAuthError
    assert "InvalidSignatureException" in str(error.detail)
    assert "a secret" not in str(error.detail)


@pytest.mark.parametrize(
    "body",
    [
        {"images": ["QUJD"], "seeds": [7], "finish_reasons": [None]},
        {"images": ["QUJD"], "finish_reasons": []},
        {"images": ["QUJD", "REVG"], "finish_reasons": [None, "Filter reason: prompt"]},
        {"finish_reasons": None, "images": ["data:image/png;base64,QUJD"]},
    ],
)
def test_the_first_image_is_taken(server: FaultBackend, generate: Generate, body: Any) -> None:
    server.script(document(body))
    assert generate(backend(server.origin), GENERATION).content == b"ABC"


def descendants(kind: type) -> set[type]:
    return {kind, *(each for child in kind.__subclasses__() for each in descendants(child))}


NOTHING_SENT = {
    exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError, exceptions.ProxyConnectionError,
    exceptions.SSLError,
}  # fmt: skip


@pytest.mark.parametrize(
    "kind", sorted(descendants(exceptions.BotoCoreError), key=str), ids=lambda kind: kind.__name__
)
def test_every_failure_of_botocore_is_translated(kind: type[Exception]) -> None:
    with pytest.raises(ImagineArtError) as caught, translated_errors(PROMPT):
        raise kind.__new__(kind)
    assert isinstance(caught.value, ModelUnavailableError) is bool(NOTHING_SENT & set(kind.__mro__))
    if kind in (exceptions.NoCredentialsError, exceptions.CredentialRetrievalError):
        assert type(caught.value) is ModelAuthError


def test_credentials_that_have_expired_although_they_were_renewed_are_a_credential_error() -> None:
    with pytest.raises(ModelAuthError), translated_errors(PROMPT):
        raise RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired.")


def test_a_response_that_is_nested_too_deeply_to_be_read_is_a_failure_of_the_model() -> None:
    with pytest.raises(ModelError), translated_errors(PROMPT):
        raise RecursionError

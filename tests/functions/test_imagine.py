"""Imagine's API: forms in, images out, in both versions; styles, operations, and errors in its own words."""

import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from imagineart.access.tokens import Scope, Token
from imagineart.apis.imagine.errors import KINDS, OUT_OF_QUOTA, kind_of
from imagineart.apis.imagine.routes import ENDPOINTS
from imagineart.errors import ImagineArtError
from local.bedrock.faults import Fault
from local.bedrock.server import BedrockServer
from local.chosen_models import VARIABLES, document_of
from tests.fault_backend import Response
from tests.functions.conftest import Deploy
from tests.functions.deployment import Cloud, Deployment
from tests.functions.generating_backend import GeneratingBackend, always, colour_of
from tests.functions.test_logs import log_to_this_tests_output, logged_lines
from tests.sample_images import decode, encode, gradient
from tests.unit.test_errors import classes

V1, V2 = "/imagine/v1/imagine/api", "/imagine/v2/image"
PYPI_STATUSES = {200, 400, 401, 422, 424, 429, 500, 503}
"""Every other raises ValueError in PyPI ``imaginesdk``."""

BOAT = "a boat"
PICTURE = encode(gradient(600, 400), "PNG")


def subject(width: int = 600, height: int = 400) -> bytes:
    """A red square in the middle of white."""
    image = Image.new("RGB", (width, height), "white")
    image.paste((200, 20, 20), (width // 2 - 90, height // 2 - 90, width // 2 + 90, height // 2 + 90))
    return encode(image, "PNG")


def right_half(width: int = 600, height: int = 400) -> bytes:
    """A mask that is white, where the image is made anew, on its right."""
    mask = Image.new("L", (width, height))
    mask.paste(255, (width // 2, 0, width, height))
    return encode(mask, "PNG")


@pytest.fixture(scope="module")
def bedrock_server() -> Iterator[BedrockServer]:
    with BedrockServer(pixels=1 << 16) as server:
        yield server


@pytest.fixture(scope="module")
def shared(cloud: Cloud, generating_server: GeneratingBackend, bedrock_server: BedrockServer) -> Deployment:
    """A deployment that generates with the fault backend, and does all else with Bedrock."""
    edits = f"bedrock us-west-2 stability.sd3-5-large-v1:0 endpoint={bedrock_server.url} retries=0"
    return cloud.deploy(generating_server.base_url, edit_backends=edits)


@pytest.fixture
def bedrock(bedrock_server: BedrockServer) -> BedrockServer:
    bedrock_server.forget()
    return bedrock_server


@pytest.fixture
def client(shared: Deployment, backend: GeneratingBackend, bedrock: BedrockServer) -> Iterator[httpx.Client]:
    with shared.client(shared.issue_token()) as client:
        yield client


def post(client: httpx.Client, path: str, **fields: Any) -> httpx.Response:
    """A form, as both SDKs send it: files are called JPEG, whatever they are."""
    parts = {
        name: ("blob", each, "image/jpeg") if isinstance(each, bytes) else (None, str(each))
        for name, each in fields.items()
    }
    return client.post(path, files=parts)


def image_of(response: httpx.Response) -> Image.Image:
    assert (response.status_code, response.headers["Content-Type"]) == (200, "image/png"), response.text
    return decode(response.content)


def error_of(response: httpx.Response, status: int, number: int) -> str:
    """Assert the whole error, which both versions' clients read; return its message."""
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/json")
    document = response.json()
    message: str = document["message"]
    name = next(kind.name for kind in (*KINDS.values(), OUT_OF_QUOTA) if kind.status == status)
    assert document == {
        "status": "error", "code": number, "error": name, "message": message, "details": [message],
    }  # fmt: skip
    assert response.headers["X-Request-Id"]
    return message


# Generations


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({}, (1024, 1024)),
        ({"aspect_ratio": "8:10", "high_res_results": 0}, (928, 1160)),
        ({"aspect_ratio": "3:1", "high_res_results": 1}, (3552, 1184)),
    ],
)
@pytest.mark.parametrize("path", [f"{V1}/generations", f"{V1}/generations/", f"{V2}/generations"])
def test_a_prompt_becomes_an_image_of_the_shape_and_resolution_that_are_asked_for(
    client: httpx.Client, path: str, fields: dict[str, Any], size: tuple[int, int]
) -> None:
    response = post(client, path, prompt=BOAT, seed=7, **fields)
    image = image_of(response)
    assert (image.size, image.getpixel((5, 5))) == (size, colour_of(BOAT))
    assert response.headers["X-Seed"] == "7"
    assert "X-RateLimit-Remaining" in response.headers


@pytest.mark.parametrize(
    ("path", "field", "style", "words"),
    [
        (f"{V1}/generations", "style_id", "21", "anime"),
        (f"{V1}/generations", "style_id", "realistic", "photograph"),
        (f"{V2}/generations", "style", "anime", "anime"),
        (f"{V2}/generations", "style", "flux-schnell", ""),
    ],
)
def test_a_style_says_in_words_what_its_number_or_name_stands_for(
    client: httpx.Client, backend: GeneratingBackend, path: str, field: str, style: str, words: str
) -> None:
    image_of(post(client, path, prompt=BOAT, **{field: style}))
    prompt = backend.requests[0].json["prompt"]
    assert prompt == BOAT if not words else prompt.startswith(f"{BOAT}, ") and words in prompt


def test_a_field_that_programs_send_from_habit_changes_nothing(client: httpx.Client) -> None:
    for fields in ({"variation": "txt2img"}, {"variation": 1, "high_res_result": 0}):
        image_of(post(client, f"{V2}/generations", prompt=BOAT, style="imagine-turbo", **fields))


@pytest.mark.parametrize("field", [{"cfg": 7.5}, {"steps": 30}, {"negative_prompt": "rain"}])
def test_what_the_model_cannot_honour_is_refused_by_name(
    client: httpx.Client, backend: GeneratingBackend, field: dict[str, Any]
) -> None:
    message = error_of(post(client, f"{V1}/generations", prompt=BOAT, **field), 400, 1100)
    assert message == f"{next(iter(field))}: the model 'text-to-image' does not support it; leave it out."
    assert backend.requests == []


# Images that are changed

OPERATIONS = [
    ("generations/variations", V1, {"prompt": BOAT, "strength": 0.25}, (1248, 832), ["sd3-5-large"]),
    ("edits/remix", V1, {"prompt": BOAT, "control": "scribble"}, (1248, 832), ["control-sketch"]),
    ("edits/remix", V1, {"prompt": BOAT, "control": "canny"}, (1248, 832), ["control-sketch"]),
    ("edits/remix", V1, {"prompt": BOAT, "control": "lineart"}, (1248, 832), ["control-sketch"]),
    ("edits/remix", V1, {"prompt": BOAT, "control": "depth"}, (1248, 832), ["control-structure"]),
    ("edits/inpaint", V1, {"prompt": BOAT, "mask": right_half(), "style_id": 1}, (600, 400), ["inpaint"]),
    ("upscale/", V1, {"model_version": 1}, (2400, 1600), ["fast-upscale"]),
    ("generations/guided", V1, {"prompt": BOAT, "aspect_ratio": "1:1"}, (1024, 1024), ["sd3-5-large"]),
    ("generations/ai-background", V2, {"prompt": BOAT}, (600, 400), ["remove-background", "inpaint"]),
    ("edits/generative-fill", V2, {"prompt": BOAT, "mask": right_half(60, 40)}, (600, 400), ["inpaint"]),
    ("edits/ai-resize", V2, {"prompt": BOAT, "aspect_ratio": "16:9"}, (711, 400), ["outpaint"]),
    ("edits/ai-resize", V2, {"prompt": BOAT, "mask": right_half()}, (600, 400), ["inpaint"]),
    ("background/remover", V2, {}, (600, 400), ["remove-background"]),
    ("enhance", V2, {}, (2400, 1600), ["fast-upscale"]),
]  # fmt: skip


@pytest.mark.parametrize(("path", "version", "fields", "size", "services"), OPERATIONS)
def test_each_endpoint_has_an_operation_of_its_own(
    client: httpx.Client,
    bedrock: BedrockServer,
    path: str,
    version: str,
    fields: dict[str, Any],
    size: tuple[int, int],
    services: list[str],
) -> None:
    image = image_of(post(client, f"{version}/{path}", image=subject(), **fields))
    assert image.size == size
    called = [str(each.model_id) for each in bedrock.invocations]
    assert all(service in model for service, model in zip(services, called, strict=True)), called


def test_every_endpoint_is_among_those_operations() -> None:
    tried = {f"{version}/{path.rstrip('/')}" for path, version, *_ in OPERATIONS}
    generating = {f"{V1}/generations", f"{V2}/generations", f"{V2}/generations/transparent"}
    assert {each.path for each in ENDPOINTS} == tried | generating


def test_what_a_mask_leaves_stays_pixel_by_pixel_and_so_does_an_image_that_grows(
    client: httpx.Client,
) -> None:
    before = decode(PICTURE)
    for mask in (right_half(), right_half(60, 40)):
        filled = image_of(post(client, f"{V2}/edits/generative-fill", prompt=BOAT, image=PICTURE, mask=mask))
        assert filled.crop((0, 0, 299, 400)).tobytes() == before.crop((0, 0, 299, 400)).tobytes()
        assert filled.crop((300, 0, 600, 400)).tobytes() != before.crop((300, 0, 600, 400)).tobytes()
    grown = image_of(post(client, f"{V2}/edits/ai-resize", prompt=BOAT, image=PICTURE, aspect_ratio="3:1"))
    assert grown.size == (1200, 400)
    assert grown.crop((300, 0, 900, 400)).tobytes() == before.tobytes()


def test_an_image_too_large_for_the_model_is_reduced_and_a_small_one_keeps_its_size(
    client: httpx.Client,
) -> None:
    large = encode(gradient(4000, 3000).convert("L"), "JPEG")
    grown = image_of(post(client, f"{V2}/edits/ai-resize", prompt=BOAT, image=large, aspect_ratio="16:9"))
    assert abs(grown.width / grown.height - 16 / 9) < 0.01
    assert 4_300_000 < grown.width * grown.height <= 4_460_544
    assert image_of(post(client, f"{V2}/background/remover", image=subject(220, 190))).size == (220, 190)
    refused = post(client, f"{V2}/enhance", image=large)
    assert "which cannot grow; allowed: less than 2438x1829." in error_of(refused, 400, 1100)
    tiny = post(client, f"{V2}/edits/ai-resize", prompt=BOAT, image=subject(220, 190), aspect_ratio="1:1")
    assert "allowed: one that grows to 256x256 or more" in error_of(tiny, 400, 1100)
    dot = post(client, f"{V2}/enhance", image=subject(9, 9))
    assert "allowed: one that grows to 256x256 or more" in error_of(dot, 400, 1100)


def test_an_image_too_large_for_a_form_is_uploaded_before(client: httpx.Client) -> None:
    size = {"content_type": "image/png", "size": str(len(PICTURE))}
    upload = client.post("/v1/uploads", data=size).json()
    httpx.put(upload["url"], content=PICTURE, headers=upload["headers"], trust_env=False).raise_for_status()
    assert image_of(post(client, f"{V2}/enhance", image=upload["id"])).size == (2400, 1600)


def test_a_transparent_image_stays_so_when_it_grows_and_is_its_own_cut_out(
    client: httpx.Client, bedrock: BedrockServer
) -> None:
    cut_out = Image.new("RGBA", (600, 400))
    cut_out.paste((200, 20, 20, 255), (200, 100, 400, 300))
    image = encode(cut_out, "PNG")
    alpha = image_of(post(client, f"{V2}/enhance", image=image)).getchannel("A")
    assert (alpha.size, alpha.getpixel((5, 5)), alpha.getpixel((1200, 800))) == ((2400, 1600), 0, 255)
    bedrock.forget()
    placed = image_of(post(client, f"{V2}/generations/ai-background", prompt=BOAT, image=image))
    assert bedrock.invocations[0].document["prompt"].startswith(f"{BOAT}, product photograph")
    assert (placed.mode, placed.getpixel((300, 200))) == ("RGB", (200, 20, 20))
    assert placed.getpixel((5, 5)) != (255, 255, 255)
    assert [each.model_id for each in bedrock.invocations] == ["us.stability.stable-image-inpaint-v1:0"]


def test_how_far_an_image_is_left_and_kept_to_reaches_the_service(
    client: httpx.Client, bedrock: BedrockServer
) -> None:
    post(client, f"{V1}/generations/variations", prompt=BOAT, image=PICTURE, strength=0.25)
    post(client, f"{V1}/edits/remix", prompt=BOAT, image=PICTURE, strength=80, negative_prompt="rain")
    variation, remix = (each.document for each in bedrock.invocations)
    assert (variation["strength"], remix["control_strength"], remix["negative_prompt"]) == (0.25, 0.8, "rain")


def test_a_control_that_no_model_has_is_refused_and_without_one_the_first_is_taken(
    client: httpx.Client, bedrock: BedrockServer
) -> None:
    refused = post(client, f"{V1}/edits/remix", prompt=BOAT, image=PICTURE, control="openpose")
    assert error_of(refused, 400, 1100) == (
        "control: got 'openpose', which no model here keeps to; allowed: scribble, canny, lineart, depth."
    )
    image_of(post(client, f"{V1}/edits/remix", prompt=BOAT, image=PICTURE))
    assert "control-sketch" in str(bedrock.invocations[0].model_id)


# Transparency


def white_subject(_: object) -> Response:
    content = subject(1024, 1024)
    return Response(content_type="image/png", body=content, headers={"Connection": "close"})


def assert_cut_out(image: Image.Image) -> None:
    alpha = image.getchannel("A")
    assert (alpha.getpixel((5, 5)), alpha.getpixel((512, 512))) == (0, 255)


def test_an_image_is_cut_out_where_its_model_makes_no_transparency(
    shared: Deployment, client: httpx.Client, backend: GeneratingBackend, bedrock: BedrockServer
) -> None:
    backend.reply = white_subject
    response = post(client, f"{V2}/generations/transparent", prompt=BOAT)
    assert_cut_out(image_of(response))
    assert response.headers["X-Backend"] == "openai-compatible, bedrock"
    fields = {"prompt": BOAT, "background": "transparent", "size": "1024x1024", "output_format": "webp"}
    for_openai = client.post("/v1/images/generations", json=fields, headers={"Accept": "image/webp"})
    assert_cut_out(Image.open(io.BytesIO(for_openai.content), formats=["WEBP"]).convert("RGBA"))
    accepted = client.post("/v1/images/generations", json=fields, headers={"Prefer": "respond-async"})
    path = accepted.headers["Location"]
    assert shared.work_off() == 1
    assert_cut_out(decode(client.get(f"{path}/images/0").content).convert("RGBA"))
    assert [each.model_id for each in bedrock.invocations] == [
        "us.stability.stable-image-remove-background-v1:0"
    ] * 3


def test_an_image_that_cannot_be_cut_out_is_no_image(
    shared: Deployment, client: httpx.Client, bedrock: BedrockServer
) -> None:
    token = shared.issue_token("cutting", images_per_day=1)
    with shared.client(token) as client:
        for _ in range(2):
            # The first is not counted for the day, or the second would be refused.
            bedrock.fail(Fault.INTERNAL)
            error_of(post(client, f"{V2}/generations/transparent", prompt=BOAT), 503, 1201)


def test_who_may_not_use_the_model_that_cuts_out_gets_no_transparency(shared: Deployment) -> None:
    with shared.client(shared.issue_token(models=frozenset({"text-to-image"}))) as client:
        refused = post(client, f"{V2}/generations/transparent", prompt=BOAT)
        assert "'image-edit', which serves" in error_of(refused, 400, 1100)


# What comes back


@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        ("application/json", True),
        ("application/json, image/*;q=0.5", True),
        # axios, requests, fetch; and what version 2 documents.
        ("application/json, text/plain, */*", False),
        ("*/*", False),
        ("application/octet-stream", False),
        ("image/png", False),
    ],
)
def test_accept_chooses_between_the_image_and_its_url(
    client: httpx.Client, accept: str, is_json: bool
) -> None:
    client.headers["Accept"] = accept
    response = post(client, f"{V2}/generations", prompt=BOAT, seed=7)
    if not is_json:
        image_of(response)
        return
    document = response.json()
    url = document.pop("url")
    assert document == {
        "status": "success", "content_type": "image/png", "width": 1024, "height": 1024, "seed": 7,
    }  # fmt: skip
    del client.headers["Authorization"]
    assert image_of(client.get(url)).size == (1024, 1024)


def test_each_request_makes_an_image_unless_it_has_the_key_of_an_earlier_one(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    seeds = {post(client, f"{V1}/generations", prompt=BOAT).headers["X-Seed"] for _ in range(2)}
    assert (len(seeds), len(backend.requests)) == (2, 2)
    client.headers["Idempotency-Key"] = "a-key"
    first, again = (post(client, f"{V1}/generations", prompt=BOAT) for _ in range(2))
    assert (first.content, len(backend.requests)) == (again.content, 3)
    conflict = post(client, f"{V1}/generations", prompt="another boat")
    assert "Idempotency-Key" in error_of(conflict, 400, 1100)


# Tokens


def test_a_token_comes_in_one_header_or_the_other(shared: Deployment, backend: GeneratingBackend) -> None:
    token, other = shared.issue_token(), "iart_another"
    for headers, status, number in (
        ({"Bearer": token.text}, 200, 0),
        ({"bearer": f" {token.text} "}, 200, 0),
        ({"Authorization": "Basic eDp5", "Bearer": token.text}, 200, 0),
        ({"Authorization": f"Bearer  {token.text}", "Bearer": other}, 200, 0),
        ({"Authorization": f"Bearer {other}", "Bearer": token.text}, 401, 1001),
        ({"Bearer": other}, 401, 1001),
        ({"Bearer": " "}, 400, 1000),
        ({}, 400, 1000),
    ):
        with shared.client(**headers) as client:
            response = post(client, f"{V1}/generations", prompt=BOAT)
            if status == 200:
                image_of(response)
            else:
                error_of(response, status, number)


@pytest.mark.parametrize(
    ("scope", "path", "fields"),
    [
        (Scope.GENERATE_IMAGES, f"{V1}/generations", {"prompt": BOAT}),
        (Scope.EDIT_IMAGES, f"{V2}/background/remover", {"image": subject()}),
    ],
)
def test_a_token_needs_the_scope_of_what_it_asks_for(
    shared: Deployment, backend: GeneratingBackend, scope: Scope, path: str, fields: dict[str, Any]
) -> None:
    with shared.client(shared.issue_token(scopes=frozenset({scope}))) as client:
        image_of(post(client, path, **fields))
    with shared.client(shared.issue_token(scopes=frozenset(Scope) - {scope})) as client:
        assert scope in error_of(post(client, path, **fields), 401, 1005)


# Refused and failed


@pytest.mark.parametrize(
    ("path", "fields", "message"),
    [
        (f"{V1}/generations", {"seed": 7}, "prompt: the field is required; allowed: 1 to 4000 characters."),
        (f"{V1}/generations", {"prompt": BOAT, "aspect_ratio": "7:1"},
         "aspect_ratio: got '7:1'; allowed: 1:1, 4:3, 3:4, 3:2, 2:3, 16:9, 9:16, 5:4, 4:5, 8:10, 3:1."),
        (f"{V1}/generations", {"prompt": BOAT, "cfg": "lots"}, "cfg: got 'lots'; allowed: between 3 and 15."),
        (f"{V1}/generations", {"prompt": BOAT, "cfg": 16}, "cfg: got '16.0'; allowed: between 3 and 15."),
        (f"{V1}/generations", {"prompt": BOAT, "high_res_results": 2},
         "high_res_results: got '2'; allowed: 0, 1."),
        (f"{V1}/generations", {"prompt": BOAT, "image": PICTURE}, "form: got the unknown field 'image'; "),
        (f"{V1}/generations/variations", {"prompt": BOAT, "image": PICTURE, "aspect_ratio": "7:1"},
         "aspect_ratio: got '7:1'; allowed: 1:1, 4:3,"),
        (f"{V1}/generations/variations", {"prompt": BOAT},
         "image: the field is required; got none. Send a file."),
        (f"{V1}/generations/variations", {"prompt": BOAT, "image": "https://example.com/a.png"},
         "image: got the text 'https://example.com/a.png', which is no upload id of this consumer; "),
        (f"{V1}/generations/variations", {"prompt": BOAT, "image[0]": PICTURE}, "image: got more than one"),
        (f"{V1}/generations/variations", {"prompt": BOAT, "image": b"hello"}, "image: the content is text. "),
        (f"{V1}/generations/guided", {"prompt": BOAT, "image": PICTURE, "artistic_noise": 0.2},
         "artistic_noise: is not supported by any model here; leave it out."),
        (f"{V1}/edits/inpaint", {"prompt": BOAT, "image": PICTURE},
         "mask: the field is required; got none. Send a file."),
        (f"{V1}/edits/inpaint", {"prompt": BOAT, "image": PICTURE, "mask": b"hello"},
         "mask: the content is text. Ac"),
        (f"{V1}/edits/inpaint", {"prompt": BOAT, "image": PICTURE, "mask": PICTURE, "inpaint_strength": 0.5},
         "inpaint_strength: is not supported: what the mask marks is made anew; leave it out."),
        (f"{V1}/upscale", {"image": PICTURE, "model_version": 2}, "model_version: got '2'; allowed: 1."),
        (f"{V2}/edits/ai-resize", {"prompt": BOAT, "image": PICTURE},
         "aspect_ratio: the field is required without a mask."),
        (f"{V2}/edits/ai-resize", {"prompt": BOAT, "image": PICTURE, "mask": PICTURE, "aspect_ratio": "1:1"},
         "aspect_ratio: got '1:1' and a mask; allowed: either."),
        (f"{V2}/edits/ai-resize", {"prompt": BOAT, "image": PICTURE, "aspect_ratio": "3:2"},
         "aspect_ratio: got '3:2', which the image has; allowed: another."),
        (f"{V2}/generations", {"prompt": BOAT, "style": "cubist"}, "style: got 'cubist'; allowed: 22, 27"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named_with_what_came_and_what_is_allowed(
    client: httpx.Client, backend: GeneratingBackend, path: str, fields: dict[str, Any], message: str
) -> None:
    assert error_of(post(client, path, **fields), 400, 1100).startswith(message)
    assert backend.requests == []


def test_a_body_that_is_no_form_is_refused(client: httpx.Client) -> None:
    forms = "allowed: multipart/form-data, application/x-www-form-urlencoded."
    for came in ("application/json", "text/plain"):
        headers = {"Content-Type": came}
        response = client.post(f"{V1}/generations", content=json.dumps({"prompt": BOAT}), headers=headers)
        assert error_of(response, 400, 1100) == f"Content-Type: got '{came}'; {forms}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    curled = client.post(f"{V1}/generations", content=json.dumps({"prompt": BOAT}), headers=headers)
    assert error_of(curled, 400, 1100).endswith("the body looks like JSON; send it as multipart/form-data.")
    image_of(client.post(f"{V1}/generations", data={"prompt": BOAT}))


def test_what_is_larger_than_lambda_takes_is_refused_by_the_gateway(client: httpx.Client) -> None:
    response = post(client, f"{V2}/enhance", image=bytes(5_000_000))
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")


def test_no_error_leaves_with_a_status_that_raises_in_the_sdk() -> None:
    kinds = {each: kind_of(each.__new__(each)) for each in every_error()}
    assert {kind.status for kind in kinds.values()} <= PYPI_STATUSES | {404}
    assert all(1000 <= kind.number <= 1208 for kind in kinds.values())


def every_error() -> list[type[ImagineArtError]]:
    """All but what a request of this API never meets."""
    of_others = {"result_expired", "insufficient_credits"}
    return [each for each in classes() if each.code not in of_others and each.__name__ != "LimitReachedError"]


def test_the_day_the_minute_and_a_backend_that_is_gone_have_statuses_of_their_own(
    shared: Deployment, client: httpx.Client, backend: GeneratingBackend, bedrock: BedrockServer
) -> None:
    with shared.client(shared.issue_token(images_per_day=1)) as limited:
        image_of(post(limited, f"{V1}/generations", prompt=BOAT))
        assert "images_per_day" in error_of(post(limited, f"{V1}/generations", prompt=BOAT), 424, 1101)
    with shared.client(shared.issue_token(requests_per_minute=1)) as limited:
        responses = [post(limited, f"{V1}/generations", prompt=BOAT) for _ in range(4)]
    refused = next(each for each in responses if each.status_code != 200)
    assert "requests_per_minute" in error_of(refused, 429, 1202)
    assert int(refused.headers["Retry-After"]) > 0
    backend.reply = always(Response(401))
    assert "credential" in error_of(post(client, f"{V1}/generations", prompt=BOAT), 503, 1201)
    bedrock.fail(Fault.INTERNAL)
    assert "backend" in error_of(post(client, f"{V2}/background/remover", image=subject()), 503, 1201)


@pytest.mark.parametrize("request_line", [("GET", f"{V1}/generations"), ("POST", f"{V2}/video")])
def test_what_is_no_endpoint_is_told_which_there_are(
    client: httpx.Client, request_line: tuple[str, str]
) -> None:
    message = error_of(client.request(*request_line), 404, 1100)
    assert [each.path for each in ENDPOINTS if each.path not in message] == []


# Deployments of their own, after which that of the others is gone


def test_every_field_of_version_1_is_understood_and_reaches_a_server_that_knows_it(
    deploy: Deploy, backend: GeneratingBackend
) -> None:
    api = deploy()
    route = f"vllm-omni {backend.base_url} a-model retries=0"
    api.operator.manage_models.apply(document_of(dict.fromkeys(VARIABLES, route)))
    steering = {"negative_prompt": "rain", "cfg": 7.5, "steps": 30}
    with api.client(api.issue_token()) as client:
        image_of(post(client, f"{V1}/generations", prompt=BOAT, style_id=27, high_res_results=0, **steering))
        image_of(post(client, f"{V1}/generations/variations", prompt=BOAT, image=PICTURE, **steering))
        image_of(post(client, f"{V1}/generations/guided", prompt=BOAT, image=PICTURE, neg_prompt="rain"))
        image_of(post(client, f"{V1}/edits/inpaint", prompt=BOAT, image=PICTURE, mask=right_half(), cfg=3))
        message = error_of(post(client, f"{V1}/edits/remix", prompt=BOAT, image=PICTURE), 503, 1201)
        assert message == "The model is not available on the inference backend."
    generation, variation, guided, inpainting = backend.requests
    asked = {"negative_prompt": "rain", "guidance_scale": 7.5, "num_inference_steps": 30}
    assert asked.items() <= generation.json.items()
    assert {name: str(value) for name, value in asked.items()}.items() <= variation.fields.items()
    assert (guided.fields["negative_prompt"], inpainting.fields["guidance_scale"]) == ("rain", "3.0")


def test_a_style_may_be_made_by_a_model_of_its_own(deploy: Deploy, backend: GeneratingBackend) -> None:
    api = deploy()
    document = json.loads(document_of(dict.fromkeys(VARIABLES, f"openai-compatible {backend.base_url} m")))
    ink = document["models"][0] | {"id": "ink-2", "aliases": []}
    ink["backends"] = [ink["backends"][0] | {"model": "inker"}]
    document |= {
        "models": [*document["models"], ink],
        "styles": [
            {"names": ["ink", "1"], "prompt": "ink drawing of {prompt}", "models": ["ink-2"]},
            {"names": ["plain"]},
        ],
    }
    api.operator.manage_models.apply(json.dumps(document))
    with api.client(api.issue_token()) as client:
        assert post(client, f"{V2}/generations", prompt=BOAT, style="ink").headers["X-Model"] == "ink-2"
        unknown = post(client, f"{V1}/generations", prompt=BOAT, style_id=27)
        assert error_of(unknown, 400, 1100) == "style_id: got '27'; allowed: ink, 1, plain."
        unable = post(client, f"{V1}/generations/variations", prompt=BOAT, image=PICTURE, style_id=1)
        assert error_of(unable, 400, 1100) == (
            "style_id: got 'ink', whose models cannot do this; allowed: plain."
        )
    with api.client(api.issue_token(models=frozenset({"text-to-image"}))) as client:
        forbidden = post(client, f"{V2}/generations", prompt=BOAT, style="ink")
        assert "'ink-2'" in error_of(forbidden, 400, 1100)
    assert backend.requests[0].json["prompt"] == "ink drawing of a boat"


def test_a_style_that_the_caller_did_not_choose_leaves_out_models_that_cannot_do_it(
    deploy: Deploy, bedrock: BedrockServer
) -> None:
    edits = f"bedrock us-west-2 stability.sd3-5-large-v1:0 endpoint={bedrock.url} retries=0"
    api = deploy(edit_backends=edits)
    document = json.loads(api.operator.manage_models.current().text)
    document["styles"] = [{"names": ["product-shoot"], "models": ["text-to-image"]}]
    api.operator.manage_models.apply(json.dumps(document))
    fields = {"prompt": BOAT, "image": subject()}
    with api.client(api.issue_token()) as client:
        assert image_of(post(client, f"{V2}/generations/ai-background", **fields)).size == (600, 400)
        refused = post(client, f"{V2}/generations/ai-background", style="product-shoot", **fields)
        assert error_of(refused, 400, 1100).startswith("style: got 'product-shoot', whose models cannot do")


def test_a_model_is_asked_for_no_larger_image_than_it_is_offered_for(
    deploy: Deploy, backend: GeneratingBackend
) -> None:
    api = deploy()
    document = json.loads(document_of(dict.fromkeys(VARIABLES, f"vllm-omni {backend.base_url} m")))
    for model in document["models"][:2]:
        model["sizes"] = {"max_width": 1024, "max_height": 1024, "max_pixels": 1 << 20}
    api.operator.manage_models.apply(json.dumps(document))
    allowed = "allowed: up to 1024x1024 and 1,048,576 pixels in all, for the model"
    with api.client(api.issue_token()) as client:
        for path, fields, message in (
            (f"{V1}/generations", {"high_res_results": 1}, "high_res_results: got '1', which is 2048x2048"),
            (f"{V2}/generations", {"high_res_result": 1}, "high_res_result: got '1', which is 2048x2048"),
            (f"{V1}/generations/guided", {"image": PICTURE}, "aspect_ratio: got '3:2', which is 1248x832"),
        ):
            refused = error_of(post(client, path, prompt=BOAT, **fields), 400, 1100)
            assert refused.startswith(f"{message}; {allowed}")
        tall = {"image": encode(gradient(200, 900), "PNG"), "mask": right_half()}
        assert image_of(post(client, f"{V2}/edits/generative-fill", prompt=BOAT, **tall)).size == (200, 900)
    (asked,) = backend.requests
    assert asked.fields["size"] == "200x900"


def test_a_model_that_makes_transparency_is_asked_for_it(deploy: Deploy, backend: GeneratingBackend) -> None:
    backend.reply = lambda _: Response(
        content_type="image/png",
        body=encode(gradient(1024, 1024, "RGBA"), "PNG"),
        headers={"Connection": "close"},
    )
    api = deploy(generation_backends=f"openai {backend.base_url} gpt-image")
    with api.client(api.issue_token()) as client:
        assert image_of(post(client, f"{V2}/generations/transparent", prompt=BOAT)).mode == "RGBA"
    (asked,) = backend.requests
    assert asked.json["background"] == "transparent"


def test_who_may_use_another_model_that_cuts_out_than_the_first_gets_no_transparency(
    deploy: Deploy, backend: GeneratingBackend
) -> None:
    api = deploy()
    document = json.loads(document_of(dict.fromkeys(VARIABLES, f"openai-compatible {backend.base_url} m")))
    route = {"kind": "bedrock", "region": "us-west-2", "model": "stability.sd3-5-large-v1:0"}
    document["models"] += [
        document["models"][1]
        | {"id": name, "aliases": [], "operations": ["remove_background"], "backends": [route]}
        for name in ("cutter", "other-cutter")
    ]
    api.operator.manage_models.apply(json.dumps(document))
    with api.client(api.issue_token(models=frozenset({"text-to-image", "other-cutter"}))) as client:
        refused = post(client, f"{V2}/generations/transparent", prompt=BOAT)
        assert "'cutter', which serves" in error_of(refused, 400, 1100)
    assert not backend.requests


def test_a_prompt_and_a_token_are_not_logged(
    deploy: Deploy, capsys: pytest.CaptureFixture[str], backend: GeneratingBackend
) -> None:
    for wanted in ("false", "true"):
        api = deploy(log_to_this_tests_output, LogPrompts=wanted)
        token: Token = api.issue_token()
        with api.client(Bearer=token.text) as client:
            image_of(post(client, f"{V1}/generations", prompt=BOAT))
        (line,) = logged_lines(capsys)
        assert (line["path"], line["outcome"]) == (f"{V1}/generations", "ok")
        assert (line.get("prompt"), token.secret in json.dumps(line)) == (
            BOAT if wanted == "true" else None,
            False,
        )

"""What is special about servers of the OpenAI-compatible protocol; the rest is in tests/conformance."""

import asyncio
import base64
import json
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest

from imagineart.backends.http import HttpClient
from imagineart.backends.openai_compatible import OpenAiBackend
from imagineart.backends.openai_profiles import HIGH_REASONING_STEPS, PROFILES, openai_size
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
from imagineart.images.kinds import JPEG, PNG, WEBP, ImageKind
from imagineart.images.model import ImageRequest, OutputFormat, ReferenceImage, TokenUsage
from imagineart.images.sizes import GENERATION_ASPECT_RATIOS, RESOLUTIONS, Size, output_size
from tests.fault_backend import FaultBackend, Response, document, json_image, page, raw_image, refusal
from tests.sample_images import sample
from tests.unit.backends.conftest import Fail, Generate

SIZE = Size(64, 48)
AN_IMAGE = sample("png") + b"\0"
"""With a byte after its end, so that its base64 needs padding."""
GENERATION = ImageRequest("a fox 🦊\r\nat “night”", SIZE, seed=7)
EDIT = replace(
    GENERATION, references=(ReferenceImage(b"one\r\n--\xff", PNG, SIZE), ReferenceImage(b"two", JPEG, SIZE))
)


@pytest.fixture
def backend(server: FaultBackend, http: HttpClient) -> OpenAiBackend:
    profile = PROFILES["openai-compatible"]
    return OpenAiBackend(http, server.base_url, profile, "imagine-2", lambda: "backend-key")


# What is sent

COMMON = {"n": 1, "model": "imagine-2", "prompt": GENERATION.prompt, "size": "64x48"}
BASE64 = {"response_format": "b64_json", "seed": 7}
STEPS = {"num_inference_steps": HIGH_REASONING_STEPS}
SENT: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "openai": (
        {"size": "944x704", "output_format": "png"}, {"quality": "medium"}, {"quality": "high"},
    ),
    "vllm-omni": (BASE64, {}, STEPS),
    "sglang": ({**BASE64, "output_format": "png"}, {}, STEPS),
    "openai-compatible": (BASE64, {"reasoning": "low"}, {"reasoning": "high"}),
}  # fmt: skip
"""What each kind of server is sent always, and in generations for low and for high reasoning."""


GUIDED = replace(GENERATION, negative_prompt="blurry", guidance=7.5)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_negative_prompt_and_guidance_are_sent_to_servers_that_know_them(
    server: FaultBackend, http: HttpClient, generate: Generate, profile: str
) -> None:
    backend = OpenAiBackend(http, server.base_url, PROFILES[profile], "imagine-2", lambda: None)
    generate(backend, GUIDED)
    generate(backend, replace(GUIDED, references=EDIT.references))
    generation, edit = ({**server.requests[0].json}, {**server.requests[1].fields})
    is_known = profile in ("vllm-omni", "sglang")
    expected = {"negative_prompt": "blurry", "guidance_scale": 7.5} if is_known else {}
    names = ("negative_prompt", "guidance_scale", "lora")
    assert {name: generation[name] for name in names if name in generation} == expected
    assert {name: edit[name] for name in names if name in edit} == {
        name: str(value) for name, value in expected.items()
    }


@pytest.mark.parametrize(("weight", "scale"), [(None, 1.0), (0.8, 0.8), (0.0, 0.0)])
def test_every_image_of_a_backend_with_a_lora_is_made_with_it(
    server: FaultBackend, http: HttpClient, generate: Generate, weight: float | None, scale: float
) -> None:
    profile = PROFILES["vllm-omni"]
    backend = OpenAiBackend(http, server.base_url, profile, "m", lambda: None, lora="/loras/mugs")
    for request in (GENERATION, EDIT):
        generate(backend, replace(request, lora_weight=weight))
    lora = {"name": "/loras/mugs", "path": "/loras/mugs", "scale": scale}
    assert server.requests[0].json["lora"] == lora
    assert json.loads(server.requests[1].fields["lora"]) == lora


@pytest.mark.parametrize("profile", PROFILES)
def test_a_request_is_sent_in_the_servers_own_words(
    server: FaultBackend, http: HttpClient, generate: Generate, profile: str
) -> None:
    backend = OpenAiBackend(http, server.base_url, PROFILES[profile], "imagine-2", lambda: None)
    for request in (GENERATION, replace(GENERATION, reasoning="high"), EDIT, replace(EDIT, reasoning="high")):
        generate(backend, request)
    low, high, edit, careful_edit = server.requests
    always, if_low, if_high = SENT[profile]
    assert low.json == COMMON | always | if_low
    assert high.json == COMMON | always | if_high
    assert edit.fields == {name: str(value) for name, value in (COMMON | always).items()}
    assert careful_edit.fields == {name: str(value) for name, value in (COMMON | always | if_high).items()}
    field = "image[]" if profile == "openai" else "image"
    assert [(file.name, file.content, file.content_type) for file in edit.files] == [
        (field, b"one\r\n--\xff", "image/png"), (field, b"two", "image/jpeg"),
    ]  # fmt: skip
    assert all(request.headers["accept-encoding"] == "identity" for request in server.requests)
    assert "authorization" not in low.headers


@pytest.mark.parametrize(("kind", "word"), [(JPEG, "jpeg"), (WEBP, "webp")])
def test_the_format_is_asked_for_where_the_server_has_it_and_no_other_size_follows(
    server: FaultBackend, http: HttpClient, generate: Generate, kind: ImageKind, word: str
) -> None:
    square = replace(GENERATION, size=Size(1024, 1024), output_format=OutputFormat(kind, 80))
    for profile in PROFILES:
        backend = OpenAiBackend(http, server.base_url, PROFILES[profile], "imagine-2", lambda: None)
        generate(backend, square)
        generate(backend, replace(square, delivered_as=Size(1000, 1000)))
        asked, resampled = (
            {name: sent.json[name] for name in sent.json if name.startswith("output_")}
            for sent in server.requests[-2:]
        )
        has_formats = profile in ("openai", "sglang")
        assert asked == ({"output_format": word, "output_compression": 80} if has_formats else {})
        assert resampled == ({"output_format": "png"} if has_formats else {})


def test_fields_that_only_openai_has_are_sent_to_it_alone_and_only_where_they_were_chosen(
    server: FaultBackend, http: HttpClient, generate: Generate
) -> None:
    chosen = {"background": "transparent", "moderation": "low", "input_fidelity": "high"}
    for profile in PROFILES:
        backend = OpenAiBackend(http, server.base_url, PROFILES[profile], "imagine-2", lambda: None)
        generate(backend, replace(GENERATION, **chosen))
        generate(backend, GENERATION)
        asked, unasked = ({name: each.json.get(name) for name in chosen} for each in server.requests[-2:])
        assert asked == (chosen if profile == "openai" else dict.fromkeys(chosen))
        assert unasked == dict.fromkeys(chosen)


def test_the_configured_form_of_the_response_is_asked_for(
    server: FaultBackend, backend: OpenAiBackend, generate: Generate
) -> None:
    for request in (GENERATION, EDIT):
        generate(replace(backend, response_format="png"), request)
    generation, edit = server.requests
    assert generation.json["response_format"] == edit.fields["response_format"] == "png"


@pytest.mark.parametrize("key", ["backend-key\n", "backend-key\r\nX-More: 1", "backend-key-ü"], ids=ascii)
def test_a_credential_that_no_header_can_carry_is_the_operators_to_change_and_is_not_shown(
    server: FaultBackend, backend: OpenAiBackend, failure: Fail, key: str
) -> None:
    error = failure(replace(backend, api_key=lambda: key), GENERATION)
    assert type(error) is ModelAuthError
    assert "backend-key" not in f"{error} {error.detail}"
    assert server.requests == []


ALL_SIZES = [
    output_size(ratio, resolution) for ratio in GENERATION_ASPECT_RATIOS for resolution in RESOLUTIONS
]


@pytest.mark.parametrize("size", ALL_SIZES, ids=str)
def test_openai_is_asked_for_a_size_that_it_takes_and_that_has_room_for_the_shape(size: Size) -> None:
    asked_for = openai_size(size)
    assert asked_for.width % 16 == asked_for.height % 16 == 0
    assert max(asked_for.width, asked_for.height) <= 3840
    assert 1 / 3 <= asked_for.width / asked_for.height <= 3
    assert 655_360 <= asked_for.pixels <= 8_294_400
    if max(size.width, size.height) <= 3840:
        assert asked_for.width >= size.width
        assert asked_for.height >= size.height


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (Size(2048, 2048), Size(2048, 2048)), (Size(1408, 792), Size(1408, 800)),
        (Size(4096, 1024), Size(3840, 1280)), (Size(512, 2048), Size(688, 2048)),
        (Size(256, 256), Size(816, 816)),
    ],
    ids=str,
)  # fmt: skip
def test_openai_is_asked_for_little_more_than_is_needed(size: Size, expected: Size) -> None:
    assert openai_size(size) == expected


# What is received

IN_BASE64 = base64.b64encode(AN_IMAGE).decode()
LINES = "\r\n".join(IN_BASE64[at : at + 76] for at in range(0, len(IN_BASE64), 76))


def b64(text: Any) -> Response:
    return document({"data": [{"b64_json": text}]})


IMAGES = {
    "base64": b64(IN_BASE64),
    "base64 with line breaks": b64(LINES),
    "base64 without padding": b64(IN_BASE64.rstrip("=")),
    "data URI": b64(f"data:image/png;base64,{IN_BASE64}"),
    "escaped slashes": Response(body=json_image(AN_IMAGE).body.replace(b"/", rb"\/")),
    "after other fields": document({"usage": {"more": [1]}, "data": [{"seed": 7, "b64_json": IN_BASE64}]}),
    "raw": raw_image(AN_IMAGE),
    "raw in another case": raw_image(AN_IMAGE, "Image/PNG; charset=binary"),
    "raw of unknown type": raw_image(AN_IMAGE, "application/octet-stream"),
    "raw without a type": raw_image(AN_IMAGE, ""),
    "raw called JSON": raw_image(AN_IMAGE, "application/json"),
    "compressed": json_image(AN_IMAGE).compressed(),
    "compressed raw": raw_image(AN_IMAGE).compressed(),
}


@pytest.mark.parametrize("response", IMAGES.values(), ids=IMAGES)
def test_an_image_is_taken_in_whatever_form_it_comes(
    server: FaultBackend, backend: OpenAiBackend, generate: Generate, response: Response
) -> None:
    server.script(response)
    assert generate(backend, GENERATION).content == AN_IMAGE


@pytest.mark.parametrize("size", [31_000_000, 34_000_000])
def test_an_image_of_32_megabytes_is_the_largest(
    server: FaultBackend, backend: OpenAiBackend, generate: Generate, failure: Fail, size: int
) -> None:
    server.script(json_image(AN_IMAGE.ljust(size, b"\0")))
    if size < 32 * 1024 * 1024:
        assert len(generate(backend, GENERATION).content) == size
    else:
        assert type(failure(backend, GENERATION)) is ModelError


USAGE = {
    "input_tokens_details": {"text_tokens": 5, "image_tokens": 40}, "input_tokens": 45, "output_tokens": 900,
}  # fmt: skip


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        (USAGE, TokenUsage(5, 40, 900)),
        (None, None),
        ("text", None),
        ({}, None),
        ({**USAGE, "output_tokens": None}, None),
        ({**USAGE, "output_tokens": True}, None),
        ({**USAGE, "output_tokens": -1}, None),
        ({**USAGE, "input_tokens_details": []}, None),
    ],
)
def test_what_an_image_cost_is_known_where_the_server_reports_it_in_openais_form(
    server: FaultBackend, backend: OpenAiBackend, generate: Generate, reported: Any, usage: TokenUsage | None
) -> None:
    server.script(document({"data": [{"b64_json": IN_BASE64}], "usage": reported}))
    assert generate(backend, GENERATION).usage == usage


# What goes wrong


def error(status: int, **fields: Any) -> Response:
    return document({"error": fields}, status)


REFUSED_PROMPT = {
    "OpenAI": error(400, code="moderation_blocked", type="image_generation_user_error"),
    "OpenAI, earlier": error(400, code="content_policy_violation", message="..."),
    "Azure": error(400, code="contentFilter", message="Your task failed."),
    "Azure, inside": error(400, code="x", inner_error={"code": "ResponsibleAIPolicyViolation"}),
    "Azure, spelt otherwise": error(400, code=None, innererror={"code": "ResponsibleAIPolicyViolation"}),
    "content_filter": error(400, code="content_filter"),
    "its type alone": error(400, code=None, type="content_filter"),
    "LiteLLM": error(400, code="400", message="litellm.ContentPolicyViolationError: prompt refused"),
    "a message alone": error(
        400, code=None, message="Your request was rejected as a result of our safety system."
    ),
    "a policy": error(422, code=None, message="This prompt violates our usage policies."),
    "a text": document({"error": "NSFW content detected"}, 400),
    "FastAPI": document({"detail": "The prompt was blocked by the content filter"}, 400),
    "forbidden": error(403, code="content_policy_violation"),
    "a failure": error(500, code="content_policy_violation"),
    "a success": error(200, code="content_filter", message="..."),
    "a success with a message": error(200, code=None, message="rejected by our safety system"),
    "compressed": error(400, code="content_policy_violation").compressed(),
}


@pytest.mark.parametrize("response", REFUSED_PROMPT.values(), ids=REFUSED_PROMPT)
def test_a_refusal_of_the_prompt_is_the_callers_however_it_is_spelt(
    server: FaultBackend, backend: OpenAiBackend, failure: Fail, response: Response
) -> None:
    server.script(response)
    refused = failure(backend, GENERATION)
    assert type(refused) is InvalidRequestError
    assert refused.message == "prompt: the model refused it under its content policy."


ERRORS = [
    (refusal(401, "invalid_api_key"), ModelAuthError),
    (refusal(403), ModelAuthError),
    (page(401), ModelAuthError),
    (error(401, code=None, message="blocked by our safety system"), ModelAuthError),
    (refusal(429, "insufficient_quota"), ModelAuthError),
    (error(429, code=None, type="insufficient_quota"), ModelAuthError),
    (refusal(400, "billing_hard_limit_reached"), ModelAuthError),
    (refusal(402), ModelAuthError),
    (error(400, code="401", type="auth_error"), ModelAuthError),
    (refusal(404), ModelNotAvailableError),
    (page(404), ModelNotAvailableError),
    (refusal(400, "model_not_found"), ModelNotAvailableError),
    (refusal(400, "DeploymentNotFound"), ModelNotAvailableError),
    (refusal(503, "model_not_available"), ModelNotAvailableError),
    (refusal(200, "model_not_found"), ModelNotAvailableError),
    (refusal(429), RateLimitedError),
    (page(429), RateLimitedError),
    (refusal(200, "rate_limit_exceeded"), RateLimitedError),
    (refusal(400, "invalid_size"), RequestRefusedError),
    (refusal(422), RequestRefusedError),
    (document({"detail": [{"input": "about content policy"}]}, 422), RequestRefusedError),
    (document({"error": "a text"}, 400), RequestRefusedError),
    (document({"error": ["model_not_found"]}, 400), RequestRefusedError),
    (document(["model_not_found"], 400), RequestRefusedError),
    (refusal(408), ModelError),
    (refusal(409), ModelError),
    (refusal(500), ModelError),
    (error(500, code=None, message="the content filter crashed"), ModelError),
    (Response(503), ModelUnavailableError),
    (Response(204), ModelError),
    (Response(201, body=json_image(AN_IMAGE).body), ModelError),
    (refusal(200, "server_error"), RequestRefusedError),
    (document({}), RequestRefusedError),
    (document({"data": {}}), RequestRefusedError),
    (document({"data": [None]}), RequestRefusedError),
    (document({"data": [{"url": "http://127.0.0.1/a.png"}]}), RequestRefusedError),
    (b64(None), RequestRefusedError),
    (b64(17), RequestRefusedError),
    (b64("data:image/png;base64,"), RequestRefusedError),
    (b64("not base64!"), ModelError),
    (b64("füchse"), ModelError),
    (b64("QUJDR"), ModelError),
    (document(None), ModelError),
    (page(), ModelError),
    (Response(), RequestRefusedError),
    (Response(body=json_image(AN_IMAGE).body[:-40]), ModelError),
    (Response(body=b"[" * 100_000), ModelError),
    (Response(body=b"\xff\xfe\x00"), ModelError),
    (Response(200, headers={"X-Broken": "a\r\nno header"}), ModelError),
    (Response(99), ModelError),
]


@pytest.mark.parametrize(
    ("response", "expected"),
    ERRORS,
    ids=lambda value: value.__name__ if isinstance(value, type) else f"{value.status} {value.body[:40]!a}",
)
def test_every_bad_response_becomes_its_error(
    server: FaultBackend, backend: OpenAiBackend, failure: Fail, response: Response, expected
) -> None:
    server.script(response)
    raised = failure(backend, GENERATION)
    assert type(raised) is expected, raised.detail
    assert raised.detail
    assert "about" not in raised.detail


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("7", 7), ("0", 1), ("3600", 3600), ("9" * 5000, 3600), (formatdate(4_000_000_000, usegmt=True), 3600),
     (formatdate(1_000_000_000, usegmt=True), 1), ("-3", None), ("1.5", None), ("soon", None), ("²", None),
     ("Mon, 01 Jan 99999999999 00:00:00 GMT", None)],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_backend_without_room_says_when_to_retry_within_reason(
    server: FaultBackend, backend: OpenAiBackend, failure: Fail, status: int, retry_after: str, seconds
) -> None:
    server.script(refusal(status, headers={"Retry-After": retry_after}))
    raised: ImagineArtError = failure(backend, GENERATION)
    assert getattr(raised, "retry_after_seconds", None) == (seconds or (5 if status == 429 else None))


def test_the_log_names_a_code_but_never_a_text_of_the_server(
    server: FaultBackend, backend: OpenAiBackend, failure: Fail
) -> None:
    server.script(refusal(400, "invalid_size"), refusal(400, f"bad prompt {json.dumps(GENERATION.prompt)}"))
    assert "'invalid_size'" in str(failure(backend, GENERATION).detail)
    assert "fox" not in str(failure(backend, GENERATION).detail)


# Events


def events_of(*documents: Any) -> Response:
    """Events, with comments and line ends as servers and proxies send them."""
    lines = [f"event: x\r\ndata: {json.dumps(each)}\r\n\r\n: ping\r\n\r\n" for each in documents]
    return Response(200, "text/event-stream", "".join([*lines, "data: [DONE]\n\n"]).encode())


def in_steps(backend: OpenAiBackend, request: ImageRequest) -> tuple[bytes, list[tuple[int, bytes]]]:
    """The image, and the unfinished ones that came before it."""
    shown: list[tuple[int, bytes]] = []

    async def partial_made(index: int, content: bytes) -> None:
        shown.append((index, content))

    async def make() -> bytes:
        try:
            return (await backend.generate_in_steps(request, partial_made)).content
        finally:
            await backend.http.close()

    return asyncio.run(make()), shown


def test_unfinished_images_are_shown_as_openai_sends_them(server: FaultBackend, http: HttpClient) -> None:
    backend = OpenAiBackend(http, server.base_url, PROFILES["openai"], "gpt-image-2", lambda: None)
    encoded = base64.b64encode(AN_IMAGE).decode()
    server.script(
        events_of(
            {"type": "image_edit.partial_image", "partial_image_index": 0, "b64_json": encoded},
            {"type": "image_edit.completed", "b64_json": encoded},
        )
    )
    assert in_steps(backend, replace(EDIT, partial_images=3)) == (AN_IMAGE, [(0, AN_IMAGE)])
    sent = server.requests[0].fields
    assert (sent["stream"], sent["partial_images"]) == ("true", "3")


def test_an_error_in_place_of_the_last_event_is_the_error_of_the_image(
    server: FaultBackend, http: HttpClient
) -> None:
    backend = OpenAiBackend(http, server.base_url, PROFILES["openai"], "gpt-image-2", lambda: None)
    server.script(events_of({"type": "error", "error": {"code": "moderation_blocked", "message": "no"}}))
    with pytest.raises(InvalidRequestError, match="content policy"):
        in_steps(backend, replace(GENERATION, partial_images=1))


def test_another_server_is_not_asked_for_events(server: FaultBackend, http: HttpClient) -> None:
    backend = OpenAiBackend(http, server.base_url, PROFILES["sglang"], "flux", lambda: None)
    server.script(json_image(AN_IMAGE))
    assert in_steps(backend, replace(GENERATION, partial_images=1)) == (AN_IMAGE, [])
    assert "stream" not in server.requests[0].json

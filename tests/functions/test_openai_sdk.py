"""OpenAI's own Python client, from PyPI, works against the API as it is."""

import base64
import io
import json
import re
from collections.abc import Callable, Iterator

import anyio
import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types import Image, ImagesResponse

from imagineart.access.tokens import TokenKind, create_token
from local.gateway_server import GatewayTransport
from local.template import PROJECT
from tests.fault_backend import RecordedRequest, Response, document, refusal
from tests.functions.deployment import (
    Deployer,
    Deployment,
    assert_error,
    open_png,
    without_the_streaming_layer,
)
from tests.functions.generating_backend import GeneratingBackend, colour_of, generated, image_file
from tests.functions.served_gateway import served
from tests.functions.test_logs import lines_of, log_to_this_tests_output, logged_lines
from tests.functions.test_rate_limits import held_within_one_minute

BASE_URL = "https://api.local/v1"


def sdk(api: Deployment, key: str | None = None, *, max_retries: int = 0) -> OpenAI:
    """A client of the deployment; without a key, with a new token of an unlimited consumer."""
    return OpenAI(
        base_url=BASE_URL,
        api_key=key or api.issue_token().text,
        max_retries=max_retries,
        http_client=httpx.Client(transport=GatewayTransport(api.gateway)),
    )


@pytest.fixture
def client(api: Deployment) -> Iterator[OpenAI]:
    with sdk(api) as made:
        yield made


def images(response: ImagesResponse) -> list[bytes]:
    """The PNGs of an response."""
    assert response.data
    return [base64.b64decode(each.b64_json or "", validate=True) for each in response.data]


def seed(image: Image) -> int:
    reported: int = (image.model_extra or {})["seed"]
    return reported


# Generations


def test_a_prompt_becomes_a_image(client: OpenAI) -> None:
    response = client.images.generate(prompt="a lighthouse", size="1024x1024")
    (png,) = images(response)
    made = open_png(png)
    assert made.size == (1024, 1024)
    assert made.getcolors() == [(1024 * 1024, colour_of("a lighthouse"))]
    assert (response.size, response.output_format) == ("1024x1024", "png")
    assert response.created > 1_700_000_000
    assert response._request_id


def test_no_usage_is_invented(client: OpenAI) -> None:
    assert client.images.generate(prompt="a lighthouse", size="1024x1024").usage is None


def test_the_usage_that_a_backend_tells_is_passed_on_for_all_pictures_together(
    deploy: Deployer, backend: GeneratingBackend
) -> None:
    api = deploy(GenerationBackends=f"openai {backend.base_url} gpt-image-2")
    reported = {
        "input_tokens": 12, "input_tokens_details": {"image_tokens": 2, "text_tokens": 10},
        "output_tokens": 1000, "total_tokens": 1012,
    }  # fmt: skip

    def paint_and_tell(request: RecordedRequest) -> Response:
        response = generated(request)
        return document({**json.loads(response.body), "usage": reported})

    backend.reply = paint_and_tell
    with sdk(api) as client:
        usage = client.images.generate(prompt="a lighthouse", size="1024x1024", n=3).usage
    assert usage is not None
    assert usage.to_dict() == {
        "input_tokens": 36, "input_tokens_details": {"image_tokens": 6, "text_tokens": 30},
        "output_tokens": 3000, "total_tokens": 3036,
    }  # fmt: skip


def test_without_a_size_the_reference_s_own_default_holds(client: OpenAI) -> None:
    response = client.images.generate(prompt="a lighthouse")
    assert response.size == "2048x2048"
    assert open_png(images(response)[0]).size == (2048, 2048)


@pytest.mark.parametrize(
    "size", ["1536x1024", "1024x1536", "1792x1024", "1024x1792", "512x512", "256x256", "1408x792"]
)
def test_every_size_that_the_client_names_is_delivered_exactly(client: OpenAI, size: str) -> None:
    response = client.images.generate(prompt="a lighthouse", size=size)
    made = open_png(images(response)[0])
    assert f"{made.width}x{made.height}" == response.size == size


def test_several_pictures_have_seeds_that_follow_one_another(
    client: OpenAI, backend: GeneratingBackend
) -> None:
    response = client.images.generate(prompt="a fox", n=2, size="1024x1024", extra_body={"seed": 41})
    assert response.data
    assert [seed(each) for each in response.data] == [41, 42]
    assert [request.json["seed"] for request in backend.requests] == [41, 42]
    assert [open_png(png).size for png in images(response)] == [(1024, 1024)] * 2


def test_the_seed_of_a_image_makes_it_again(client: OpenAI, backend: GeneratingBackend) -> None:
    first = client.images.generate(prompt="a fox", size="1024x1024")
    assert first.data
    client.images.generate(prompt="a fox", size="1024x1024", extra_body={"seed": seed(first.data[0])})
    assert backend.requests[0].json == backend.requests[1].json


def test_quality_reaches_the_backend_as_reasoning(client: OpenAI, backend: GeneratingBackend) -> None:
    client.images.generate(prompt="a fox", size="1024x1024", quality="high", model="text-to-image")
    assert backend.requests[0].json["reasoning"] == "high"


def test_what_a_program_written_for_openai_spells_out_does_no_harm(client: OpenAI) -> None:
    response = client.images.generate(
        prompt="a fox", model=None, n=1, size="1024x1024", quality="auto", background="auto",
        moderation="auto", output_format="png", output_compression=100, response_format="b64_json",
        stream=False, partial_images=0, user="user-1", safety_identifier="user-1",
    )  # fmt: skip
    assert open_png(images(response)[0]).size == (1024, 1024)


def test_without_the_streaming_layer_the_response_is_the_same(deploy: Deployer) -> None:
    response = sdk(deploy(without_the_streaming_layer)).images.generate(prompt="a fox", size="1024x1024", n=2)
    assert [open_png(png).size for png in images(response)] == [(1024, 1024)] * 2


def test_a_image_inside_json_is_the_one_that_the_reference_s_form_gives(
    api: Deployment, client: OpenAI
) -> None:
    form = {"prompt": "a fox", "resolution": "1K", "seed": "5"}
    png = api.client(api.issue_token()).post("/v1/images/generations", data=form).content
    response = client.images.generate(prompt="a fox", size="1024x1024", extra_body={"seed": 5})
    assert images(response) == [png]


@pytest.mark.parametrize("accept", [None, "*/*", "image/png", "application/json, text/plain, */*"])
def test_the_reference_s_own_form_is_answered_as_it_always_was(api: Deployment, accept: str | None) -> None:
    plain = api.client(api.issue_token())
    headers = {"Accept": accept} if accept else {}
    fields = {"prompt": (None, "a fox"), "resolution": (None, "1K"), "seed": (None, "5")}
    request = plain.build_request("POST", "/v1/images/generations", files=fields, headers=headers)
    if accept is None:
        del request.headers["Accept"]
    response = plain.send(request)
    assert open_png(response.content).size == (1024, 1024)
    assert (response.headers["Content-Type"], response.headers["X-Seed"]) == ("image/png", "5")


def test_the_reference_s_own_form_knows_no_field_of_openai_s(api: Deployment) -> None:
    plain = api.client(api.issue_token())
    response = plain.post("/v1/images/generations", data={"prompt": "a fox", "n": "1"})
    assert assert_error(response, 400, "invalid_request") == (
        "form: got the unknown field 'n'; allowed are prompt, aspect_ratio, resolution, seed, reasoning."
    )


@pytest.mark.parametrize("accept", ["image/png", "*/*"])
def test_json_may_be_answered_with_the_png_itself(api: Deployment, accept: str) -> None:
    plain = api.client(api.issue_token())
    body = {"prompt": "a fox", "size": "512x512", "seed": 5}
    response = plain.post("/v1/images/generations", json=body, headers={"Accept": accept})
    assert response.headers["X-Seed"] == "5"
    png = response.content
    if accept == "*/*":
        png = base64.b64decode(response.json()["data"][0]["b64_json"])
    assert open_png(png).size == (512, 512)


# Edits


def test_one_file_is_edited(client: OpenAI, backend: GeneratingBackend) -> None:
    file = io.BytesIO(image_file((300, 200)))
    response = client.images.edit(image=file, prompt="at dusk", extra_body={"resolution": "1K"})
    assert response.size == "1248x832"
    assert open_png(images(response)[0]).size == (1248, 832)
    assert backend.requests[0].path == "/v1/images/edits"


def test_a_list_of_files_is_edited_in_its_order(client: OpenAI, backend: GeneratingBackend) -> None:
    files = [image_file((64, 64), name, kind=kind) for name, kind in (("a", "JPEG"), ("b", "PNG"))]
    response = client.images.edit(image=files, prompt="at dusk", n=2, size="512x512", model="image-edit")
    assert [open_png(png).size for png in images(response)] == [(512, 512)] * 2
    for request in backend.requests:
        assert 0 < request.body.index(b"image/jpeg") < request.body.index(b"image/png")


def test_a_fifth_file_is_too_many(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"images: got 5 files; allowed are 1 to 4 files"):
        client.images.edit(image=[image_file((8, 8))] * 5, prompt="at dusk")


def test_a_mask_is_refused_and_not_ignored(client: OpenAI, backend: GeneratingBackend) -> None:
    image = image_file((8, 8))
    with pytest.raises(openai.BadRequestError, match=r"mask: is not supported"):
        client.images.edit(image=image, mask=image, prompt="at dusk")
    assert backend.requests == []


def test_uploads_are_named_in_json(api: Deployment, client: OpenAI) -> None:
    content = image_file((64, 64))
    plain = api.client(api.issue_token())
    grant = plain.post("/v1/uploads", data={"content_type": "image/png", "size": str(len(content))}).json()
    httpx.put(grant["url"], content=content, headers=grant["headers"]).raise_for_status()
    body = {"prompt": "at dusk", "images": [grant["id"]], "size": "1024x1024"}
    response = plain.post("/v1/images/edits", json=body)
    assert response.status_code == 200, response.text
    assert open_png(base64.b64decode(response.json()["data"][0]["b64_json"])).size == (1024, 1024)


# Models


def test_the_models_can_be_listed(client: OpenAI) -> None:
    models = client.models.list()
    assert [(model.id, model.object, model.owned_by) for model in models] == [
        ("text-to-image", "model", "imagineart"),
        ("image-edit", "model", "imagineart"),
    ]
    assert models.object == "list"


# Failures

REFUSED: list[tuple[dict[str, object], str]] = [
    ({"size": "1000x1000"}, "size: got '1000x1000'; allowed are auto, 1024x1024, "),
    ({"n": 5}, "n: got '5'; allowed is an integer from 1 to 4."),
    ({"model": "gpt-image-2"}, "model: got 'gpt-image-2'; allowed are text-to-image."),
    ({"response_format": "url"}, "response_format: got 'url'; allowed is b64_json alone."),
    ({"output_format": "webp"}, "output_format: got 'webp'; allowed is png alone."),
    ({"style": "vivid"}, "style: is not supported; describe the style in the prompt."),
    ({"stream": True}, "stream: got 'true'; allowed is false alone."),
    ({"prompt": ""}, "prompt: got 0 characters after trimming; allowed are 1 to 4000 characters."),
    ({"size": "1024x1024", "extra_body": {"resolution": "2K"}}, "size: got '1024x1024', which contradicts"),
]


@pytest.mark.parametrize(("fields", "message"), REFUSED, ids=lambda each: next(iter(each)))
def test_a_bad_field_is_named(
    client: OpenAI, backend: GeneratingBackend, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(**{"prompt": "a fox"} | fields)  # type: ignore[call-overload]
    assert message in caught.value.message
    assert caught.value.code == "invalid_request"
    assert backend.requests == []


def test_a_wrong_token_is_an_authentication_error_that_names_the_request(api: Deployment) -> None:
    api.issue_token()
    with pytest.raises(openai.AuthenticationError) as caught:
        sdk(api, create_token(TokenKind.PARTNER, lambda bound: bound // 3).text).models.list()
    error = caught.value
    assert (error.status_code, error.code) == (401, "invalid_token")
    assert error.request_id == error.response.headers["X-Request-Id"] == error.body["request_id"]
    assert error.message == "Error code: 401 - Invalid API token."


def test_over_the_limit_the_client_learns_when_to_retry(api: Deployment) -> None:
    def two_requests(consumer_id: str) -> list[httpx.Response]:
        client = sdk(api, api.issue_token(consumer_id, requests_per_minute=1).text)
        first = client.models.with_raw_response.list().http_response
        with pytest.raises(openai.RateLimitError) as caught:
            client.models.list()
        return [first, caught.value.response]

    _, refused = held_within_one_minute(two_requests)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["X-Should-Retry"] == "true"


def test_a_path_that_the_api_lacks_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("text-to-image")
    assert caught.value.code == "unknown_request"
    assert caught.value.response.headers["X-Should-Retry"] == "false"


@pytest.mark.parametrize(
    ("status", "code", "retried"),
    [(500, "model_error", "true"), (404, "model_not_available", "false"), (401, "model_auth_error", "false")],
)
def test_a_failing_backend_is_a_server_error_that_says_whether_to_retry(
    client: OpenAI, backend: GeneratingBackend, status: int, code: str, retried: str
) -> None:
    backend.reply = lambda _: refusal(status)
    with pytest.raises(openai.InternalServerError) as caught:
        client.images.generate(prompt="a fox", size="1024x1024")
    assert (caught.value.status_code, caught.value.code) == (502, code)
    assert caught.value.response.headers["X-Should-Retry"] == retried


def test_a_client_that_may_retry_does_not_where_that_cannot_help(
    api: Deployment, backend: GeneratingBackend
) -> None:
    """A 502 would be retried, after a pause, were it not for X-Should-Retry."""
    backend.reply = lambda _: refusal(401)
    with pytest.raises(openai.InternalServerError):
        sdk(api, max_retries=2).images.generate(prompt="a fox", size="1024x1024")
    assert len(backend.requests) == 1


def fail_from_the_second_on(backend: GeneratingBackend) -> Callable[[RecordedRequest], Response]:
    return lambda request: generated(request) if len(backend.requests) == 1 else refusal(500)


def test_a_series_of_which_one_fails_is_one_clean_error(client: OpenAI, backend: GeneratingBackend) -> None:
    backend.reply = fail_from_the_second_on(backend)
    with pytest.raises(openai.InternalServerError) as caught:
        client.images.generate(prompt="a fox", size="1024x1024", n=3)
    assert caught.value.code == "model_error"
    assert len(backend.requests) == 2


# Around it


def test_one_line_is_logged_for_a_series(deploy: Deployer, capsys: pytest.CaptureFixture[str]) -> None:
    client = sdk(deploy(log_to_this_tests_output))
    response = client.images.generate(prompt="a secret fox", size="1024x1024", n=2, user="somebody")
    output = capsys.readouterr().out
    (line,) = lines_of(output)
    assert (line["status"], line["images"], line["complete"]) == (200, 2, True)
    assert line["image_bytes"] == sum(map(len, images(response)))
    assert not [word for word in ("secret", "somebody") if word in output]
    assert logged_lines(capsys) == []


class AsyncGatewayTransport(httpx.AsyncBaseTransport):
    """The gateway for an asynchronous client, which waits for each whole response."""

    def __init__(self, api: Deployment) -> None:
        self._transport = GatewayTransport(api.gateway)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()

        def response() -> httpx.Response:
            given = self._transport.handle_request(request)
            return httpx.Response(given.status_code, headers=given.headers, content=given.read())

        return await anyio.to_thread.run_sync(response)


def test_the_asynchronous_client_works_too(api: Deployment) -> None:
    async def generate() -> ImagesResponse:
        http_client = httpx.AsyncClient(transport=AsyncGatewayTransport(api))
        async with AsyncOpenAI(
            base_url=BASE_URL, api_key=api.issue_token().text, max_retries=0, http_client=http_client
        ) as client:
            return await client.images.generate(prompt="a fox", size="512x512")

    response = anyio.run(generate)
    assert [open_png(png).size for png in images(response)] == [(512, 512)]


def test_the_readme_s_example_can_be_followed(
    api: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAGINEART_TOKEN", api.issue_token().text)
    with served(api.gateway) as url:
        monkeypatch.setenv("IMAGINEART_BASE_URL", url)
        exec(example, {})
    assert open_png((tmp_path / "sailing-boat.png").read_bytes()).size == (1536, 1024)
    assert open_png((tmp_path / "edited.png").read_bytes()).size == (1248, 832)

"""OpenAI's own Python client, from PyPI, works against the API as it is.

What it sends is tested field by field in tests/unit/apis; here is what a program sees.
"""

import asyncio
import base64
import io
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types import Image, ImagesResponse
from PIL import Image as PilImage

from local.gateway_server import GatewayApp, GatewayTransport
from local.template import PROJECT
from tests.fault_backend import RecordedRequest, Response, document, json_image, refusal
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment, assert_error, open_png, without_the_streaming_layer
from tests.functions.generating_backend import (
    GeneratingBackend,
    always,
    colour_of,
    generated,
    image_file,
)
from tests.functions.served_gateway import served
from tests.functions.test_tokens import new_token
from tests.sample_images import encode

BASE_URL = "https://api.local/v1"


def sdk(api: Deployment, key: str | None = None, *, max_retries: int = 0) -> OpenAI:
    """A client of the deployment; without a key, with a new token of a consumer of its own."""
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
    """The PNGs of a response."""
    assert response.data
    return [base64.b64decode(each.b64_json or "", validate=True) for each in response.data]


def sizes(response: ImagesResponse) -> list[tuple[int, int]]:
    return [open_png(png).size for png in images(response)]


def seed(image: Image) -> int:
    reported: int = (image.model_extra or {})["seed"]
    return reported


# Generations


def test_a_prompt_becomes_an_image(client: OpenAI) -> None:
    response = client.images.generate(prompt="a lighthouse", size="1024x1024")
    (png,) = images(response)
    assert open_png(png).getcolors() == [(1024 * 1024, colour_of("a lighthouse"))]
    assert (response.size, response.output_format) == ("1024x1024", "png")
    assert response.created > 1_700_000_000
    assert response.usage is None, "no usage is invented"
    assert response._request_id


def test_the_usage_that_a_backend_reports_is_passed_on_for_all_images_together(
    deploy: Deploy, backend: GeneratingBackend
) -> None:
    reported = {
        "input_tokens": 12, "input_tokens_details": {"image_tokens": 2, "text_tokens": 10},
        "output_tokens": 1000, "total_tokens": 1012,
    }  # fmt: skip

    def generated_with_usage(request: RecordedRequest) -> Response:
        return document(json.loads(generated(request).body) | {"usage": reported})

    backend.reply = generated_with_usage
    api = deploy(generation_backends=f"openai {backend.base_url} gpt-image-2")
    usage = sdk(api).images.generate(prompt="a lighthouse", size="1024x1024", n=3).usage
    assert usage is not None
    assert usage.to_dict() == {
        "input_tokens": 36, "input_tokens_details": {"image_tokens": 6, "text_tokens": 30},
        "output_tokens": 3000, "total_tokens": 3036,
    }  # fmt: skip


def test_without_a_size_the_default_of_the_reference_is_used(client: OpenAI) -> None:
    response = client.images.generate(prompt="a lighthouse")
    assert (response.size, sizes(response)) == ("2048x2048", [(2048, 2048)])


@pytest.mark.parametrize("size", ["1536x1024", "1792x1024", "512x512", "1408x792"])
def test_a_size_is_delivered_exactly(client: OpenAI, size: str) -> None:
    response = client.images.generate(prompt="a lighthouse", size=size)  # type: ignore[arg-type]
    ((width, height),) = sizes(response)
    assert f"{width}x{height}" == response.size == size


def test_a_series_has_seeds_that_follow_one_another_and_each_makes_its_image_again(
    client: OpenAI, backend: GeneratingBackend
) -> None:
    series = client.images.generate(prompt="a fox", n=2, size="1024x1024", extra_body={"seed": 41})
    assert series.data
    assert [seed(each) for each in series.data] == [41, 42]
    assert sizes(series) == [(1024, 1024)] * 2
    client.images.generate(prompt="a fox", size="1024x1024", extra_body={"seed": 42})
    assert backend.requests[2].json in [request.json for request in backend.requests[:2]]


def test_what_a_program_written_for_openai_spells_out_does_no_harm(
    client: OpenAI, backend: GeneratingBackend
) -> None:
    response = client.images.generate(
        prompt="a fox", model="text-to-image", n=1, size="1024x1024", quality="high", background="auto",
        moderation="auto", output_format="png", output_compression=100, response_format="b64_json",
        stream=False, partial_images=0, user="user-1", extra_body={"safety_identifier": "user-1"},
    )  # fmt: skip
    assert sizes(response) == [(1024, 1024)]
    assert backend.requests[0].json["reasoning"] == "high"


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_an_image_comes_in_the_format_that_was_asked_for(client: OpenAI, api: Deployment, kind: str) -> None:
    name = kind.lower()
    fields = {"prompt": "a fox", "size": "1024x1024", "output_format": name, "output_compression": "40"}
    response = client.images.generate(**fields | {"output_compression": 40})  # type: ignore[arg-type]
    (content,) = images(response)
    assert (response.output_format, PilImage.open(io.BytesIO(content)).format) == (name, kind)
    parts = {field: (None, text) for field, text in fields.items()}
    accept = {"Accept": f"image/{name}"}
    alone = api.client(api.issue_token(), **accept).post("/v1/images/generations", files=parts)
    assert (alone.headers["Content-Type"], PilImage.open(io.BytesIO(alone.content)).format) == (
        f"image/{name}",
        kind,
    )


def test_ten_images_are_made_four_at_a_time(client: OpenAI, backend: GeneratingBackend) -> None:
    four_at_work, at_work, most = threading.Barrier(4, timeout=60), [0], [0]
    lock = threading.Lock()

    def generate_in_fours(request: RecordedRequest) -> Response:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        if request.json["seed"] <= 8:
            four_at_work.wait()
        with lock:
            at_work[0] -= 1
        return generated(request)

    backend.reply = generate_in_fours
    response = client.images.generate(prompt="a fox", n=10, size="512x512", extra_body={"seed": 1})
    assert [seed(each) for each in response.data or []] == list(range(1, 11))
    assert most == [4]


def test_images_at_urls_need_no_token_and_end_after_an_hour(
    api: Deployment, client: OpenAI, backend: GeneratingBackend
) -> None:
    made = client.images.generate(
        prompt="a fox", n=2, size="512x512", response_format="url", output_format="webp"
    )
    urls = [each.url or "" for each in made.data or []]
    assert all(url.startswith("https://api.local/results/res_") and url.endswith(".webp") for url in urls)
    with api.client() as anonymous:
        files = [anonymous.get(url) for url in urls]
    assert [PilImage.open(io.BytesIO(file.content)).size for file in files] == [(512, 512)] * 2
    lives = [int(file.headers["Cache-Control"].removeprefix("private, max-age=")) for file in files]
    assert all(3500 < life <= 3600 for life in lives)


def test_a_program_that_names_dall_e_finds_urls_beside_the_images(api: Deployment, client: OpenAI) -> None:
    """As its model once responded, which LangChain's tool relies on."""
    (image,) = client.images.generate(prompt="a fox", model="dall-e-3", size="512x512").data or []
    with api.client() as anonymous:
        assert anonymous.get(image.url or "").content == base64.b64decode(image.b64_json or "")
    chosen = client.images.generate(
        prompt="a fox", model="dall-e-3", size="512x512", response_format="b64_json"
    )
    assert [each.url for each in chosen.data or []] == [None]


def test_a_replay_names_the_same_urls_and_they_work_as_long_as_there_are_replays(
    api: Deployment, client: OpenAI, backend: GeneratingBackend
) -> None:
    def make() -> str:
        made = client.images.generate(
            prompt="a fox", size="512x512", response_format="url", extra_headers={"Idempotency-Key": "a-key"}
        )
        (image,) = made.data or []
        return image.url or ""

    url = make()
    assert make() == url
    assert len(backend.requests) == 1
    with api.client() as anonymous:
        life = anonymous.get(url).headers["Cache-Control"].removeprefix("private, max-age=")
    assert 24 * 3600 < int(life) <= 25 * 3600


def test_openai_s_own_fields_reach_a_model_that_has_them(deploy: Deploy, backend: GeneratingBackend) -> None:
    api = deploy(generation_backends=f"openai {backend.base_url} gpt-image-2")
    clear = encode(PilImage.new("RGBA", (1024, 1024), (9, 9, 9, 0)), "PNG")
    backend.reply = always(json_image(clear))
    made = sdk(api).images.generate(
        prompt="a fox", size="1024x1024", background="transparent", moderation="low", quality="max"
    )
    sent = backend.requests[0].json
    assert [sent[name] for name in ("background", "moderation", "quality")] == ["transparent", "low", "high"]
    assert open_png(images(made)[0]).getextrema()[3] == (0, 0)


def test_without_the_streaming_layer_the_response_is_the_same(deploy: Deploy) -> None:
    response = sdk(deploy(without_the_streaming_layer)).images.generate(prompt="a fox", size="1024x1024", n=2)
    assert sizes(response) == [(1024, 1024)] * 2


# Edits


def test_one_file_is_edited(client: OpenAI, backend: GeneratingBackend) -> None:
    file = io.BytesIO(image_file((300, 200)))
    response = client.images.edit(image=file, prompt="at dusk", extra_body={"resolution": "1K"})
    assert (response.size, sizes(response)) == ("1248x832", [(1248, 832)])
    assert backend.requests[0].path == "/v1/images/edits"


def test_a_list_of_files_is_edited_in_its_order(client: OpenAI, backend: GeneratingBackend) -> None:
    files = [image_file((64, 64), name, kind=kind) for name, kind in (("a", "JPEG"), ("b", "PNG"))]
    response = client.images.edit(image=files, prompt="at dusk", n=2, size="512x512", model="image-edit")
    assert sizes(response) == [(512, 512)] * 2
    for request in backend.requests:
        assert [file.content_type for file in request.files] == ["image/jpeg", "image/png"]


def mask_file(size: tuple[int, int]) -> bytes:
    """A mask whose left half is transparent."""
    mask = PilImage.new("RGBA", size, (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, size[0] // 2, size[1]))
    return encode(mask, "PNG")


def test_what_a_mask_marks_is_made_anew_and_the_rest_stays(
    client: OpenAI, backend: GeneratingBackend
) -> None:
    image = image_file((512, 512), "before")
    response = client.images.edit(image=image, mask=mask_file((64, 64)), prompt="a door", size="1024x1024")
    png = open_png(images(response)[0])
    assert sorted(png.getcolors()) == sorted(
        [(512 * 1024, colour_of("a door")), (512 * 1024, colour_of("before"))]
    )
    assert png.getpixel((0, 0)) == colour_of("a door")
    sent = {file.name: file.content for file in backend.requests[0].files}
    assert sent.keys() == {"image", "mask"}
    alpha = open_png(sent["mask"]).getchannel("A")
    assert (alpha.size, alpha.getpixel((0, 0)), alpha.getpixel((1023, 0))) == ((1024, 1024), 0, 255)


def test_a_job_keeps_its_mask(api: Deployment, backend: GeneratingBackend) -> None:
    with api.client(api.issue_token(), **{"Prefer": "respond-async"}) as client:
        files = [("image", ("i.png", image_file((64, 64)))), ("mask", ("m.png", mask_file((64, 64))))]
        form = {"prompt": "a door", "size": "1024x1024"}
        path = client.post("/v1/images/edits", data=form, files=files).headers["Location"]
        api.work_off()
        assert client.get(path).json()["status"] == "completed"
        assert {file.name for file in backend.requests[0].files} == {"image", "mask"}
        client.delete(path)
    assert api.objects("JobsBucket") == []


def test_a_mask_that_cannot_be_honoured_is_refused_and_not_ignored(
    deploy: Deploy, backend: GeneratingBackend
) -> None:
    image, mask = image_file((8, 8)), mask_file((8, 8))
    api = deploy(edit_backends=f"sglang {backend.base_url} flux")
    with pytest.raises(
        openai.BadRequestError, match=r"mask: got one; allowed for a model that repaints .*'image-edit'"
    ):
        sdk(api).images.edit(image=image, mask=mask, prompt="at dusk")
    with pytest.raises(openai.BadRequestError, match=r"mask: got one with 2 images; allowed with one image"):
        sdk(deploy()).images.edit(image=[image, image], mask=mask, prompt="at dusk")
    assert backend.requests == []


def test_an_image_is_varied_without_a_prompt(
    api: Deployment, client: OpenAI, backend: GeneratingBackend
) -> None:
    with pytest.warns(DeprecationWarning, match="deprecated"):
        response = client.images.create_variation(
            image=image_file((300, 200)), n=2, size="512x512", user="user-1"
        )
    assert sizes(response) == [(512, 512)] * 2
    for request in backend.requests:
        assert request.path == "/v1/images/edits"
        assert request.fields["prompt"].startswith("Make a variation of this image: ")
        assert len(request.files) == 1
    for fields, count, message in (
        ({"prompt": "a fox"}, 1, "prompt: is not supported; send it to /v1/images/edits"),
        ({}, 2, "images: got 2 files; allowed: 1 file."),
    ):
        files = [("image", ("image.png", image_file((64, 64)))) for _ in range(count)]
        with api.client(api.issue_token()) as plain:
            refused = plain.post("/v1/images/variations", data=fields, files=files)
        assert assert_error(refused, 400, "invalid_request").startswith(message)


def test_uploads_are_named_in_json(api: Deployment) -> None:
    client, content = sdk(api), image_file((64, 64))
    size = {"content_type": "image/png", "size": len(content)}
    grant = client.post("/uploads", body=size, cast_to=httpx.Response).json()
    httpx.put(grant["url"], content=content, headers=grant["headers"], trust_env=False).raise_for_status()
    body = {"prompt": "at dusk", "images": [grant["id"]], "size": "1024x1024"}
    response = client.post("/images/edits", body=body, cast_to=ImagesResponse)
    assert sizes(response) == [(1024, 1024)]


# Models


def test_the_models_can_be_listed_and_retrieved(client: OpenAI) -> None:
    models = client.models.list()
    assert [(model.id, model.object, model.owned_by) for model in models] == [
        ("text-to-image", "model", "imagineart"),
        ("image-edit", "model", "imagineart"),
    ]
    assert models.object == "list"
    assert client.models.retrieve("image-edit") == models.data[1]


# Failures


def test_a_bad_field_is_named(client: OpenAI, backend: GeneratingBackend) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(prompt="a fox", model="flux-1")
    assert caught.value.code == "invalid_request"
    assert "model: got 'flux-1'; allowed: text-to-image." in caught.value.message
    assert backend.requests == []


def test_a_wrong_token_is_an_authentication_error_that_names_the_request(api: Deployment) -> None:
    api.issue_token()
    with pytest.raises(openai.AuthenticationError, match=r"Error code: 401 - Invalid API token\.") as caught:
        sdk(api, new_token().text).models.list()
    error = caught.value
    assert (error.status_code, error.code) == (401, "invalid_token")
    assert error.request_id == error.response.headers["X-Request-Id"] == error.body["request_id"]  # type: ignore[index]


def test_a_request_over_the_limit_is_told_when_to_retry(api: Deployment) -> None:
    client = sdk(api, api.issue_token(requests_per_minute=1).text)

    def list_three_times() -> None:
        """A minute may end between two of them, but not between all."""
        for _ in range(3):
            client.models.list()

    with pytest.raises(openai.RateLimitError) as caught:
        list_three_times()
    assert 1 <= int(caught.value.response.headers["Retry-After"]) <= 60
    assert caught.value.response.headers["X-Should-Retry"] == "true"


def test_a_model_that_the_api_lacks_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-image-2")
    assert caught.value.code == "unknown_request"
    assert caught.value.response.headers["X-Should-Retry"] == "false"


def test_a_failing_backend_is_a_server_error_that_may_be_retried(
    client: OpenAI, backend: GeneratingBackend
) -> None:
    backend.reply = always(refusal(500))
    with pytest.raises(openai.InternalServerError) as caught:
        client.images.generate(prompt="a fox", size="1024x1024")
    assert (caught.value.status_code, caught.value.code) == (502, "model_error")
    assert caught.value.response.headers["X-Should-Retry"] == "true"


@pytest.mark.parametrize(("status", "code"), [(404, "model_not_available"), (401, "model_auth_error")])
def test_a_client_that_may_retry_does_not_where_that_cannot_help(
    api: Deployment, backend: GeneratingBackend, status: int, code: str
) -> None:
    """A 5xx would be retried, after a pause, were it not for X-Should-Retry."""
    backend.reply = always(refusal(status))
    with pytest.raises(openai.InternalServerError) as caught:
        sdk(api, max_retries=2).images.generate(prompt="a fox", size="1024x1024")
    assert caught.value.code == code
    assert len(backend.requests) == 1


def test_a_series_of_which_one_image_fails_is_one_clean_error(
    client: OpenAI, backend: GeneratingBackend
) -> None:
    backend.reply = lambda request: refusal(500) if request.json["seed"] == 42 else generated(request)
    with pytest.raises(openai.InternalServerError) as caught:
        client.images.generate(prompt="a fox", size="1024x1024", n=3, extra_body={"seed": 41})
    assert caught.value.code == "model_error"


# Other ways to use it


def test_the_asynchronous_client_works_too(api: Deployment) -> None:
    async def generate() -> ImagesResponse:
        http_client = httpx.AsyncClient(transport=httpx.ASGITransport(GatewayApp(api.gateway)))
        async with AsyncOpenAI(
            base_url=BASE_URL, api_key=api.issue_token().text, max_retries=0, http_client=http_client
        ) as client:
            return await client.images.generate(prompt="a fox", size="512x512")

    assert sizes(asyncio.run(generate())) == [(512, 512)]


def test_the_example_of_the_readme_runs(
    api: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAGINEART_TOKEN", api.issue_token().text)
    with served(api.gateway) as url:
        monkeypatch.setenv("IMAGINEART_BASE_URL", url)
        exec(example, {})
    assert open_png((tmp_path / "sailing-boat.png").read_bytes()).size == (1536, 1024)
    assert open_png((tmp_path / "edited.png").read_bytes()).size == (1248, 832)

"""OpenAI's own Python client, from PyPI, works against the API as it is."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types import Image, ImagesResponse

from local.gateway_server import GatewayTransport
from local.template import PROJECT
from tests.fault_backend import RecordedRequest, Response, document, refusal
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment, open_png
from tests.functions.generating_backend import GeneratingBackend, always, colour_of, generated, image_file
from tests.functions.served_gateway import served
from tests.functions.test_tokens import new_token

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
    """The PNGs of a response."""
    assert response.data
    return [base64.b64decode(each.b64_json or "", validate=True) for each in response.data]


def seed(image: Image) -> int:
    extra: int = (image.model_extra or {})["seed"]
    return extra


# Generations


def test_a_prompt_becomes_an_image(client: OpenAI) -> None:
    response = client.images.generate(prompt="a lighthouse", size="1024x1024")
    (png,) = images(response)
    image = open_png(png)
    assert image.getcolors() == [(1024 * 1024, colour_of("a lighthouse"))]
    assert (response.size, response.output_format) == ("1024x1024", "png")
    assert response.created > 1_700_000_000
    assert response._request_id
    assert response.usage is None, "no usage is invented"


def test_the_usage_that_a_backend_reports_is_added_up_over_all_images(
    deploy: Deploy, backend: GeneratingBackend
) -> None:
    reported = {
        "input_tokens": 12, "input_tokens_details": {"image_tokens": 2, "text_tokens": 10},
        "output_tokens": 1000, "total_tokens": 1012,
    }  # fmt: skip

    def generate_and_report(request: RecordedRequest) -> Response:
        return document({**json.loads(generated(request).body), "usage": reported})

    backend.reply = generate_and_report
    with sdk(deploy(GenerationBackends=f"openai {backend.base_url} gpt-image-2")) as client:
        usage = client.images.generate(prompt="a lighthouse", size="1024x1024", n=3).usage
    assert usage is not None
    assert usage.to_dict() == {
        "input_tokens": 36, "input_tokens_details": {"image_tokens": 6, "text_tokens": 30},
        "output_tokens": 3000, "total_tokens": 3036,
    }  # fmt: skip


@pytest.mark.parametrize("size", [None, "1536x1024", "1024x1792", "512x512", "1408x792"])
def test_every_size_that_the_client_names_is_delivered_exactly(client: OpenAI, size: str | None) -> None:
    response = client.images.generate(prompt="a lighthouse", size=size or openai.omit)
    image = open_png(images(response)[0])
    assert f"{image.width}x{image.height}" == response.size == (size or "2048x2048")


def test_several_images_have_seeds_that_follow_one_another(
    client: OpenAI, backend: GeneratingBackend
) -> None:
    response = client.images.generate(prompt="a fox", n=2, size="1024x1024", extra_body={"seed": 41})
    assert response.data
    assert [seed(each) for each in response.data] == [41, 42]
    again = client.images.generate(prompt="a fox", size="1024x1024", extra_body={"seed": 41})
    assert images(again)[0] == images(response)[0]


def test_quality_and_style_of_older_models_are_understood(client: OpenAI, backend: GeneratingBackend) -> None:
    """LangChain and LlamaIndex always send them."""
    for quality in ("high", "hd", "standard"):
        client.images.generate(prompt="a fox", size="512x512", quality=quality, style="vivid")
    assert [request.json["reasoning"] for request in backend.requests] == ["high", "high", "low"]


def test_what_a_program_written_for_openai_spells_out_does_no_harm(client: OpenAI) -> None:
    response = client.images.generate(
        prompt="a fox", model="text-to-image", n=1, size="1024x1024", quality="auto", background="auto",
        moderation="auto", output_format="png", output_compression=100, response_format="b64_json",
        stream=False, partial_images=0, user="user-1", safety_identifier="user-1",
    )  # fmt: skip
    assert open_png(images(response)[0]).size == (1024, 1024)


# Edits


def test_a_list_of_files_is_edited_in_its_order(client: OpenAI, backend: GeneratingBackend) -> None:
    files = [image_file((64, 64), name, kind=kind) for name, kind in (("a", "JPEG"), ("b", "PNG"))]
    response = client.images.edit(image=files, prompt="at dusk", n=2, size="512x512", model="image-edit")
    assert [open_png(png).size for png in images(response)] == [(512, 512)] * 2
    for request in backend.requests:
        assert 0 < request.body.index(b"image/jpeg") < request.body.index(b"image/png")


def test_a_mask_is_refused_and_not_ignored(client: OpenAI, backend: GeneratingBackend) -> None:
    image = image_file((8, 8))
    with pytest.raises(openai.BadRequestError, match="mask: is not supported; say in the prompt"):
        client.images.edit(image=image, mask=image, prompt="at dusk")
    assert backend.requests == []


# Models


def test_the_models_can_be_listed_and_retrieved(client: OpenAI) -> None:
    models = client.models.list()
    assert [(model.id, model.object, model.owned_by) for model in models] == [
        ("text-to-image", "model", "imagineart"),
        ("image-edit", "model", "imagineart"),
    ]
    assert models.object == "list"
    assert client.models.retrieve("image-edit") == models.data[1]
    with pytest.raises(openai.NotFoundError, match="available: text-to-image, image-edit"):
        client.models.retrieve("gpt-image-2")


# Failures


def test_a_bad_field_is_named(client: OpenAI, backend: GeneratingBackend) -> None:
    with pytest.raises(
        openai.BadRequestError, match=r"size: got '1000x1000'; allowed: auto, 1024x1024, "
    ) as caught:
        client.images.generate(prompt="a fox", size="1000x1000")
    assert caught.value.code == "invalid_request"
    assert backend.requests == []


def test_a_wrong_token_is_an_authentication_error_that_names_the_request(api: Deployment) -> None:
    api.issue_token()
    with pytest.raises(openai.AuthenticationError) as caught:
        sdk(api, new_token().text).models.list()
    error = caught.value
    assert (error.status_code, error.code) == (401, "invalid_token")
    assert error.request_id == error.response.headers["X-Request-Id"] == error.body["request_id"]
    assert error.message == "Error code: 401 - Invalid API token."


def test_a_client_that_may_retry_does_not_where_that_cannot_help(
    api: Deployment, backend: GeneratingBackend
) -> None:
    """A 502 would be retried, after a pause, were it not for X-Should-Retry."""
    backend.reply = always(refusal(401))
    with pytest.raises(openai.InternalServerError) as caught:
        sdk(api, max_retries=2).images.generate(prompt="a fox", size="1024x1024")
    assert (caught.value.status_code, caught.value.code) == (502, "model_auth_error")
    assert len(backend.requests) == 1


# The README


def test_the_example_of_the_readme_can_be_followed(
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

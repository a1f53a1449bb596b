"""A form in, one finished PNG out."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest
from PIL import Image

from tests.fault_backend import RecordedRequest, Response, json_image
from tests.functions.deployment import Deployment, assert_error, edit, generate, open_png
from tests.functions.generating_backend import GeneratingBackend, always, colour_of, generated, image_file
from tests.sample_images import chunks


def test_a_prompt_becomes_an_image_of_the_requested_size(client: httpx.Client) -> None:
    response = generate(client, prompt="a lighthouse", aspect_ratio="3:2")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "image/png"
    image = open_png(response.content)
    assert (image.size, image.mode) == ((1248, 832), "RGB")
    assert image.getcolors() == [(1248 * 832, colour_of("a lighthouse"))]
    assert {kind for kind, _ in chunks(response.content)} == {b"IHDR", b"IDAT", b"IEND"}, "without metadata"


def test_the_headers_say_what_was_made(client: httpx.Client) -> None:
    response = generate(client, seed="7", aspect_ratio="4:1")
    of_this_request = ("x-request-id", "content-length", "x-ratelimit-remaining", "x-ratelimit-reset")
    assert {name: value for name, value in response.headers.items() if name not in of_this_request} == {
        "content-type": "image/png",
        "x-image-height": "512",
        "x-image-width": "2048",
        "x-backend": "openai-compatible",
        "x-model": "text-to-image",
        "x-ratelimit-limit": "100000",
        "x-ratelimit-resource": "requests_per_minute",
        "x-seed": "7",
    }
    assert {"x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset"} <= response.headers.keys()


def test_a_prompt_alone_gives_a_square_image_at_2k_without_reasoning(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    response = client.post("/v1/images/generations", data={"prompt": "a lighthouse"})
    assert open_png(response.content).size == (2048, 2048)
    assert backend.requests[0].json["reasoning"] == "low"


@pytest.mark.parametrize("seed", [{}, {"seed": "0"}, {"seed": "-1"}, {"seed": ""}])
def test_without_a_seed_one_is_chosen_sent_to_the_backend_and_returned(
    client: httpx.Client, backend: GeneratingBackend, seed: dict[str, str]
) -> None:
    seeds = [int(generate(client, **seed).headers["X-Seed"]) for _ in range(2)]
    assert [request.json["seed"] for request in backend.requests] == seeds
    assert seeds[0] != seeds[1]
    assert all(1 <= each < 2**32 for each in seeds)


def test_every_field_reaches_the_backend(client: httpx.Client, backend: GeneratingBackend) -> None:
    seed = str(2**63 - 1)
    response = generate(
        client, prompt="  ein Leuchtturm 🗼 ", aspect_ratio="9:16", reasoning="high", seed=seed
    )
    assert response.headers["X-Seed"] == seed
    assert backend.requests[0].path == "/v1/images/generations"
    assert backend.requests[0].json == {
        "model": "test-generate",
        "prompt": "ein Leuchtturm 🗼",
        "n": 1,
        "size": "792x1408",
        "seed": int(seed),
        "reasoning": "high",
        "response_format": "b64_json",
    }


def test_one_environment_generates_several_images_over_one_connection(
    own_api: Deployment, backend: GeneratingBackend
) -> None:
    def keep_the_connection(request: RecordedRequest) -> Response:
        connection = "close" if len(backend.requests) == 4 else "keep-alive"
        return replace(generated(request), headers={"Connection": connection})

    backend.reply = keep_the_connection
    client, before = own_api.client(own_api.issue_token()), backend.connections
    colours = [open_png(generate(client, prompt=f"image {n}").content).getpixel((0, 0)) for n in range(4)]
    assert colours == [colour_of(f"image {n}") for n in range(4)]
    assert backend.connections == before + 1


def test_callers_at_the_same_time_each_get_their_own_image(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    prompts = [f"image number {number}" for number in range(8)]
    all_at_work = threading.Barrier(len(prompts), timeout=60)

    def generate_when_all_have_arrived(request: RecordedRequest) -> Response:
        all_at_work.wait()
        return generated(request)

    backend.reply = generate_when_all_have_arrived
    with ThreadPoolExecutor(len(prompts)) as callers:
        responses = list(callers.map(lambda prompt: generate(client, prompt=prompt), prompts))
    colours = [open_png(response.content).getpixel((0, 0)) for response in responses]
    assert colours == [colour_of(prompt) for prompt in prompts]


def test_an_edit_takes_the_ratio_nearest_to_its_first_reference(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    response = edit(client, image_file((300, 200)), image_file((200, 300), kind="JPEG"))
    assert response.headers["X-Model"] == "image-edit"
    assert open_png(response.content).size == (1248, 832)
    assert backend.requests[0].path == "/v1/images/edits"
    assert backend.requests[0].fields["size"] == "1248x832"


def test_references_reach_the_backend_in_order_and_without_metadata(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "the maker of the camera"
    first = image_file((64, 64), "first", kind="JPEG", exif=exif)
    edit(client, first, image_file((64, 64), "second"), aspect_ratio="1:1")
    body = backend.requests[0].body
    assert b"the maker of the camera" in first
    assert b"the maker of the camera" not in body
    assert 0 < body.index(b"image/jpeg") < body.index(b"image/png")


def test_a_reference_that_is_no_image_is_named(client: httpx.Client, backend: GeneratingBackend) -> None:
    response = edit(client, image_file((64, 64)), b"not an image")
    assert assert_error(response, 400, "invalid_image").startswith("images[1]: ")
    assert backend.requests == []


@pytest.mark.parametrize(("kind", "size"), [("JPEG", (1024, 1024)), ("WEBP", (640, 480)), ("PNG", (9, 4000))])
def test_another_format_or_size_from_the_backend_becomes_the_requested_png(
    client: httpx.Client, backend: GeneratingBackend, kind: str, size: tuple[int, int]
) -> None:
    backend.reply = always(json_image(image_file(size, "a lighthouse", kind=kind)))
    image = open_png(generate(client).content)
    assert (image.size, image.mode) == ((1024, 1024), "RGB")
    expected = colour_of("a lighthouse")
    assert all(abs(got - want) < 8 for got, want in zip(image.getpixel((512, 512)), expected, strict=True))

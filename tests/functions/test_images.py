"""A form in, one finished PNG out."""

from dataclasses import replace

import httpx
import pytest
from PIL import Image

from tests.fault_backend import RecordedRequest, Response, json_image
from tests.functions.deployment import assert_error, edit, generate, open_png
from tests.functions.generating_backend import GeneratingBackend, colour_of, generated, image_file
from tests.sample_images import chunks, encode


def test_a_prompt_becomes_a_image_of_the_size_asked_for(client: httpx.Client) -> None:
    response = generate(client, prompt="a lighthouse", aspect_ratio="3:2")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "image/png"
    made = open_png(response.content)
    assert (made.size, made.mode) == ((1248, 832), "RGB")
    assert made.getcolors() == [(1248 * 832, colour_of("a lighthouse"))]


def test_the_png_holds_only_the_chunks_that_make_the_image(client: httpx.Client) -> None:
    png = generate(client).content
    kinds = [kind for kind, _ in chunks(png)]
    assert kinds[0] == b"IHDR"
    assert kinds[-1] == b"IEND"
    assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}


def test_the_response_says_what_was_made(client: httpx.Client) -> None:
    response = generate(client, seed="7", aspect_ratio="4:1")
    reported = {
        name: response.headers[name] for name in ("X-Seed", "X-Model", "X-Image-Width", "X-Image-Height")
    }
    assert reported == {
        "X-Seed": "7",
        "X-Model": "text-to-image",
        "X-Image-Width": "2048",
        "X-Image-Height": "512",
    }
    assert response.headers["X-Request-Id"]


def test_a_prompt_alone_gives_a_square_image_at_2k_without_reasoning(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    response = client.post("/v1/images/generations", data={"prompt": "a lighthouse"})
    assert open_png(response.content).size == (2048, 2048)
    assert backend.requests[0].json["reasoning"] == "low"


@pytest.mark.parametrize("seed", [{}, {"seed": "0"}, {"seed": "-1"}])
def test_without_a_seed_one_is_drawn_sent_to_the_backend_and_told(
    client: httpx.Client, backend: GeneratingBackend, seed: dict[str, str]
) -> None:
    reported = [int(generate(client, **seed).headers["X-Seed"]) for _ in range(2)]
    assert [request.json["seed"] for request in backend.requests] == reported
    assert reported[0] != reported[1]
    assert all(1 <= each < 2**32 for each in reported)


def test_the_largest_seed_reaches_the_backend_unchanged(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    assert generate(client, seed=str(2**63 - 1)).headers["X-Seed"] == "9223372036854775807"
    assert backend.requests[0].json["seed"] == 9223372036854775807


def test_everything_asked_for_reaches_the_backend(client: httpx.Client, backend: GeneratingBackend) -> None:
    generate(client, prompt="  ein Leuchtturm 🗼 ", aspect_ratio="9:16", reasoning="high", seed="5")
    assert backend.requests[0].path == "/v1/images/generations"
    assert backend.requests[0].json == {
        "model": "test-generate",
        "prompt": "ein Leuchtturm 🗼",
        "n": 1,
        "size": "792x1408",
        "seed": 5,
        "reasoning": "high",
        "response_format": "b64_json",
    }


def test_one_environment_serves_image_after_image_over_one_connection(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    def generate_and_keep_the_connection(request: RecordedRequest) -> Response:
        response = generated(request)
        connection = "close" if len(backend.requests) == 4 else "keep-alive"
        return replace(response, headers={**response.headers, "Connection": connection})

    backend.reply = generate_and_keep_the_connection
    colours = [open_png(generate(client, prompt=f"image {n}").content).getpixel((0, 0)) for n in range(4)]
    assert colours == [colour_of(f"image {n}") for n in range(4)]
    assert backend.connections == 1


def test_a_urlencoded_form_is_a_form_too(client: httpx.Client) -> None:
    response = client.post("/v1/images/generations", data={"prompt": "a lighthouse", "resolution": "1K"})
    assert open_png(response.content).size == (1024, 1024)


def test_an_edit_takes_the_ratio_nearest_to_its_first_reference(
    client: httpx.Client, backend: GeneratingBackend
) -> None:
    response = edit(client, image_file((300, 200)), image_file((200, 300), kind="JPEG"))
    assert response.status_code == 200, response.text
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
    response = edit(client, image_file((64, 64)), b"not a image")
    assert assert_error(response, 400, "invalid_image").startswith("images[1]: ")
    assert backend.requests == []


@pytest.mark.parametrize(
    ("kind", "size"),
    [("JPEG", (1024, 1024)), ("WEBP", (1024, 1024)), ("PNG", (640, 480)), ("PNG", (9, 4000))],
)
def test_another_kind_or_size_from_the_backend_becomes_the_png_asked_for(
    client: httpx.Client, backend: GeneratingBackend, kind: str, size: tuple[int, int]
) -> None:
    backend.reply = lambda _: json_image(image_file(size, "a lighthouse", kind=kind))
    made = open_png(generate(client).content)
    assert (made.size, made.mode) == ((1024, 1024), "RGB")
    expected = colour_of("a lighthouse")
    assert all(abs(got - want) < 8 for got, want in zip(made.getpixel((512, 512)), expected, strict=True))


def test_transparency_is_kept(client: httpx.Client, backend: GeneratingBackend) -> None:
    translucent = encode(Image.new("RGBA", (1024, 1024), (10, 20, 30, 40)), "PNG")
    backend.reply = lambda _: json_image(translucent)
    assert open_png(generate(client).content).getpixel((0, 0)) == (10, 20, 30, 40)

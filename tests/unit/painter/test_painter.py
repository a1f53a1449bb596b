"""What the painter promises of the images that it draws, and of the protocol that it speaks."""

import base64
import io
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from local.child_server import await_listening, launch
from local.painter.draw import ReferenceImageError, Wish, edit_image, generate_image, repaint_image

SCENES = ["snowy mountains", "a boat at sea", "neon city skyline", "abstract silk"]


def paint(prompt: str, seed: int, width: int, height: int, **more: Any) -> bytes:
    return generate_image(Wish(prompt, seed, width, height, **more))


CAT = paint("a red wallpaper", 1, 256, 256)


def pixels(png: bytes) -> npt.NDArray[np.float64]:
    image = Image.open(io.BytesIO(png))
    assert (image.format, image.mode) == ("PNG", "RGB")
    return np.asarray(image, np.float64)


def difference(first: bytes, second: bytes) -> float:
    return float(np.abs(pixels(first) - pixels(second)).mean())


def encode(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("prompt", SCENES)
@pytest.mark.parametrize("size", [(256, 1024), (613, 257)])
def test_every_scene_fills_any_size_exactly(prompt: str, size: tuple[int, int]) -> None:
    drawn = pixels(paint(prompt, 3, *size, rich=True))
    assert drawn.shape == (size[1], size[0], 3)
    assert drawn.std() > 12


@pytest.mark.parametrize("prompt", SCENES)
def test_a_seed_repeats_its_image_and_another_makes_another(prompt: str) -> None:
    first, again, other = (paint(prompt, seed, 256, 256) for seed in (2**63 - 1, 2**63 - 1, 7))
    assert first == again
    assert difference(first, other) > 2


def test_an_image_is_the_same_in_every_process() -> None:
    program = "import sys; from local.painter.draw import Wish, generate_image as draw; "
    program += "sys.stdout.buffer.write(draw(Wish('a city in the rain', 7, 257, 256)))"
    elsewhere = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    assert elsewhere == paint("a city in the rain", 7, 257, 256)


def test_the_words_for_colours_tint_the_image() -> None:
    for channel, prompt in enumerate(("red", "green 日本の山 🎂", "blue")):
        for seed in range(4):
            assert pixels(paint(prompt, seed, 256, 256)).mean(axis=(0, 1)).argmax() == channel


def test_a_large_image_stays_small_in_bytes() -> None:
    assert len(paint("neon city skyline", 11, 3552, 1184, rich=True)) < 4_000_000


def test_noise_is_as_large_in_bytes_as_its_pixels() -> None:
    assert len(paint("colourful noise", 11, 640, 480)) > 640 * 480 * 3


# Edits


def test_the_centre_of_the_first_reference_stays_recognisable() -> None:
    stripes = np.zeros((300, 300, 3), np.uint8)
    stripes[:, ::60] = stripes[:, 1::60] = stripes[:, 2::60] = 255
    edited = pixels(edit_image(Wish("a sunset beach", 3, 300, 300), [encode(Image.fromarray(stripes))]))
    centre = edited[110:190, 110:190].mean(axis=(0, 2))
    plain = stripes[110:190, 110:190].mean(axis=(0, 2))
    assert np.corrcoef(centre, plain)[0, 1] > 0.9


def test_the_prompt_sets_the_mood_of_the_whole_edit() -> None:
    night, day = (
        pixels(edit_image(Wish(f"make it {time}", 3, 256, 256), [CAT])) for time in ("night", "day")
    )
    assert night.mean() < day.mean() - 20
    assert night[100:156, 100:156].mean() < day[100:156, 100:156].mean() - 5


@pytest.mark.parametrize("position", range(4))
def test_every_reference_is_seen(position: int) -> None:
    references = [paint(scene, 1, 256, 256) for scene in SCENES]
    before = edit_image(Wish("at dusk", 3, 256, 256), references)
    references[position] = paint("a green forest", 2, 256, 256)
    assert difference(before, edit_image(Wish("at dusk", 3, 256, 256), references)) > 0.5


@pytest.mark.parametrize("size", [(256, 1024), (1024, 256), (333, 444)])
def test_an_edit_has_the_exact_size_and_repeats(size: tuple[int, int]) -> None:
    first, again = (edit_image(Wish("at dusk", 3, *size), [CAT] * 4) for _ in range(2))
    assert first == again
    assert pixels(first).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("references", [[], [CAT] * 5, [CAT, b"hello"], [CAT[:900]]])
def test_unusable_references_are_refused(references: list[bytes]) -> None:
    with pytest.raises(ReferenceImageError):
        edit_image(Wish("at dusk", 3, 256, 256), references)


# What steers an image


def test_words_to_avoid_are_left_out_of_the_image() -> None:
    assert pixels(paint("a blue red sea", 3, 256, 256)).mean(axis=(0, 1)).argmax() == 2
    without = generate_image(Wish("a blue red sea", 3, 256, 256, avoided="blue"))
    assert pixels(without).mean(axis=(0, 1)).argmax() == 0
    for word in ("boats", "stars", "clouds"):
        plain, avoiding = (
            generate_image(Wish("the sea at night", 3, 256, 256, avoided=each)) for each in ("", word)
        )
        assert difference(plain, avoiding) > 0.05


def test_guidance_raises_contrast_and_a_lora_colour() -> None:
    def contrast(image: bytes) -> float:
        return float(pixels(image).std())

    def colour(image: bytes) -> float:
        return float(np.ptp(pixels(image), axis=2).mean())

    for measure, steering in (
        (contrast, [{"guidance": each} for each in (1, 7.5, 20)]),
        (colour, [{"lora": each} for each in (0, 1, 2)]),
    ):
        measured = [measure(paint("a boat at sea", 3, 256, 256, **each)) for each in steering]
        assert measured[0] * 1.2 < measured[1] < measured[2] / 1.2


# The protocol

BODY = {"model": "painter-generate", "prompt": "a calm sea", "size": "320x256", "seed": 9}


@pytest.fixture(scope="module")
def painter() -> Iterator[str]:
    server = await_listening(launch("local.painter"))
    yield server.url
    server.stop()
    assert server.process.returncode == 0


def post(painter: str, endpoint: str, **request: Any) -> httpx.Response:
    return httpx.post(f"{painter}/v1/images/{endpoint}", trust_env=False, timeout=60, **request)


def test_a_generation_is_answered_in_base64(painter: str) -> None:
    expected = paint("a calm sea", 9, 320, 256)
    encoded = post(painter, "generations", json=BODY).json()["data"][0]["b64_json"]
    assert base64.b64decode(encoded) == expected


def test_an_edit_takes_repeated_files(painter: str) -> None:
    form = BODY | {"model": "painter-edit"}
    response = post(painter, "edits", data=form, files=[("image", CAT), ("image[]", CAT)])
    expected = edit_image(Wish("a calm sea", 9, 320, 256), [CAT, CAT])
    assert base64.b64decode(response.json()["data"][0]["b64_json"]) == expected
    refused = post(painter, "edits", data=form, files={"image": b"hello"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "image")


@pytest.mark.parametrize(
    ("param", "value"),
    [("size", "100x100"), ("size", "large"), ("seed", -1), ("n", 2), ("prompt", None), ("model", "dall-e-9")],
)
def test_a_bad_parameter_is_named(painter: str, param: str, value: object) -> None:
    response = post(painter, "generations", json=BODY | {param: value})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_a_form_has_a_lora_as_json_and_a_mask_that_is_white_where_the_image_is_made_anew(
    painter: str,
) -> None:
    mask = encode(Image.linear_gradient("L").resize((320, 256)).point(lambda level: 255 * (level > 128)))
    steering = {"negative_prompt": "rain", "guidance_scale": "9", "lora": '{"path": "p", "scale": 0.5}'}
    form = BODY | {"model": "painter-edit"} | steering
    response = post(painter, "edits", data=form, files=[("image", CAT), ("mask_image", mask)])
    expected = repaint_image(Wish("a calm sea", 9, 320, 256, False, "rain", 9.0, 0.5), CAT, mask)
    assert base64.b64decode(response.json()["data"][0]["b64_json"]) == expected

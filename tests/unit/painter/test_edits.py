"""What the painter promises about a picture painted from references and an instruction."""

import io
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from local.painter.paint import UnreadableReferenceError, paint_edit, paint_generation

INSTRUCTION = "Replace the background with a sunset beach."


def encode(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@cache
def reference(prompt: str) -> bytes:
    return paint_generation(prompt, 1, 256, 256)


def pixels(png: bytes) -> npt.NDArray[np.float64]:
    return np.asarray(Image.open(io.BytesIO(png)), np.float64)


def difference(first: bytes, second: bytes) -> float:
    return float(np.abs(pixels(first) - pixels(second)).mean())


FOUR = ["a cat", "green forest", "ramen", "a planet"]


def test_equal_inputs_give_equal_bytes() -> None:
    references = [reference(prompt) for prompt in FOUR]
    assert paint_edit(INSTRUCTION, 3, 320, 256, references) == paint_edit(
        INSTRUCTION, 3, 320, 256, references
    )


@pytest.mark.parametrize("position", range(4))
def test_every_reference_is_seen(position: int) -> None:
    references = [reference(prompt) for prompt in FOUR]
    changed = [*references]
    changed[position] = reference("a red rose garden")
    before, after = (paint_edit(INSTRUCTION, 3, 256, 256, files) for files in (references, changed))
    assert difference(before, after) > 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_one_reference_more_is_one_print_more(count: int) -> None:
    references = [reference(prompt) for prompt in FOUR]
    fewer, more = (paint_edit(INSTRUCTION, 3, 256, 256, references[:n]) for n in (count, count + 1))
    assert difference(fewer, more) > 1


def test_the_centre_of_the_first_reference_stays_recognisable() -> None:
    stripes = np.zeros((300, 300, 3), np.uint8)
    stripes[:, ::60] = stripes[:, 10::60] = 255
    stripes = np.repeat(stripes[:, ::10], 10, axis=1)
    edited = pixels(paint_edit(INSTRUCTION, 3, 300, 300, [encode(Image.fromarray(stripes))]))
    centre = slice(100, 200)
    likeness = np.corrcoef(edited[centre, centre].mean(-1).ravel(), stripes[centre, centre].mean(-1).ravel())
    assert likeness[0, 1] > 0.8


def test_the_instruction_colours_the_edit() -> None:
    cat = [reference("a cat")]
    red, blue = (pixels(paint_edit(words, 3, 256, 256, cat)).mean(axis=(0, 1)) for words in ("red", "blue"))
    assert red[0] - red[2] > blue[0] - blue[2] + 30


def test_another_seed_is_another_edit() -> None:
    cat = [reference("a cat")]
    assert (
        difference(paint_edit(INSTRUCTION, 1, 256, 256, cat), paint_edit(INSTRUCTION, 2, 256, 256, cat)) > 2
    )


@pytest.mark.parametrize("size", [(256, 1024), (1024, 256), (333, 444)])
def test_an_edit_has_the_size_it_was_asked_for(size: tuple[int, int]) -> None:
    edited = Image.open(io.BytesIO(paint_edit(INSTRUCTION, 3, *size, [reference("a cat")] * 4)))
    assert (edited.format, edited.mode, edited.size) == ("PNG", "RGB", size)


@pytest.mark.parametrize(
    ("mode", "kind"), [("RGBA", "PNG"), ("L", "PNG"), ("P", "PNG"), ("CMYK", "JPEG"), ("RGB", "WEBP")]
)
def test_a_reference_may_have_any_mode(mode: str, kind: str) -> None:
    picture = Image.new("RGB", (64, 48), (200, 90, 40)).convert(mode)
    assert pixels(paint_edit(INSTRUCTION, 3, 256, 256, [encode(picture, kind)])).shape == (256, 256, 3)


def test_a_noisy_reference_still_makes_a_small_file() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (900, 900, 3), np.uint8)
    assert len(paint_edit(INSTRUCTION, 3, 2048, 2048, [encode(Image.fromarray(noise))])) < 4_200_000


def test_bytes_that_are_no_image_are_refused_by_position() -> None:
    with pytest.raises(UnreadableReferenceError) as refusal:
        paint_edit(INSTRUCTION, 3, 256, 256, [reference("a cat"), b"hello"])
    assert refusal.value.index == 1


def test_a_truncated_image_is_refused() -> None:
    with pytest.raises(UnreadableReferenceError):
        paint_edit(INSTRUCTION, 3, 256, 256, [reference("a cat")[:900]])

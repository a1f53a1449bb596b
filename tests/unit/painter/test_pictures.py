"""What the painter promises about a picture painted from words."""

import hashlib
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from local.painter.paint import Reasoning, paint_generation

ROOT = Path(__file__).parents[3]
RAMEN = "A cinematic portrait of a chef plating ramen, warm tungsten light, shallow depth of field"
REASONINGS: tuple[Reasoning, Reasoning] = ("low", "high")
SUBJECTS = [
    "snowy mountains",
    "a sunset beach",
    "misty forest",
    "neon city skyline",
    "desert dunes",
    "a red poppy field",
    "a planet in space",
    RAMEN,
    "a portrait of a cat",
    "a still life with vases",
    "abstract silk",
]


def pixels(png: bytes) -> npt.NDArray[np.float64]:
    return np.asarray(Image.open(io.BytesIO(png)), np.float64)


def detail(png: bytes) -> float:
    grey = pixels(png).mean(axis=-1)
    return float(np.abs(np.diff(grey, axis=0)).sum() + np.abs(np.diff(grey, axis=1)).sum())


def difference(first: bytes, second: bytes) -> float:
    return float(np.abs(pixels(first) - pixels(second)).mean())


def test_a_picture_is_the_same_in_every_process() -> None:
    program = (
        "import hashlib, sys\n"
        "from local.painter.paint import Reasoning, paint_generation\n"
        "for prompt in sys.argv[1:]:\n"
        "    print(hashlib.sha256(paint_generation(prompt, 7, 257, 256, 'high')).hexdigest())\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program, *SUBJECTS], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.split()
        for _ in range(2)
    ]
    here = [hashlib.sha256(paint_generation(prompt, 7, 257, 256, "high")).hexdigest() for prompt in SUBJECTS]
    assert runs == [here, here]


@pytest.mark.parametrize("prompt", SUBJECTS)
@pytest.mark.parametrize("size", [(256, 1024), (613, 257)])
def test_every_subject_fills_any_size_exactly(prompt: str, size: tuple[int, int]) -> None:
    image = Image.open(io.BytesIO(paint_generation(prompt, 3, *size)))
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", size)
    assert np.asarray(image).std() > 12


def test_the_largest_size_is_painted() -> None:
    image = Image.open(io.BytesIO(paint_generation("silk", 1, 4096, 4096)))
    assert image.size == (4096, 4096)


@pytest.mark.parametrize(("prompt", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_a_colour_word_rules_the_picture(prompt: str, channel: int) -> None:
    for seed in range(4):
        average = pixels(paint_generation(prompt, seed, 256, 256)).mean(axis=(0, 1))
        assert average.argmax() == channel


def test_a_poppy_field_is_redder_than_an_ocean() -> None:
    poppies = pixels(paint_generation("a red poppy field", 5, 256, 256)).mean(axis=(0, 1))
    ocean = pixels(paint_generation("a blue ocean", 5, 256, 256)).mean(axis=(0, 1))
    assert poppies[0] - poppies[2] > ocean[0] - ocean[2] + 80


def test_two_colour_words_both_show() -> None:
    pictures = np.stack([pixels(paint_generation("blue and gold", seed, 256, 256)) for seed in range(5)])
    blueness = pictures[..., 2] - pictures[..., 0]
    assert (blueness > 40).mean() > 0.2
    assert (blueness < -20).mean() > 0.1


@pytest.mark.parametrize("prompt", SUBJECTS)
def test_another_seed_is_another_picture(prompt: str) -> None:
    assert difference(paint_generation(prompt, 1, 256, 256), paint_generation(prompt, 2, 256, 256)) > 2


def test_the_largest_seed_is_a_seed_of_its_own() -> None:
    first, second = (paint_generation("silk", seed, 256, 256) for seed in (2**63 - 1, 2**63 - 2))
    assert difference(first, second) > 2


def test_a_seed_keeps_its_composition_when_the_words_change_its_colours() -> None:
    def outline(prompt: str, seed: int) -> npt.NDArray[np.float64]:
        grey = pixels(paint_generation(prompt, seed, 256, 256)).mean(axis=-1)
        return np.asarray(np.hypot(*np.gradient(grey)) > 6, np.float64).ravel()

    calm, bright = outline("snowy mountains", 4), outline("green mountains", 4)
    elsewhere = outline("snowy mountains", 5)
    assert np.corrcoef(calm, bright)[0, 1] > 0.3 > np.corrcoef(calm, elsewhere)[0, 1]
    assert difference(*(paint_generation(p, 4, 256, 256) for p in ("snowy mountains", "green mountains"))) > 5


@pytest.mark.parametrize("prompt", SUBJECTS)
def test_more_reasoning_makes_a_richer_picture(prompt: str) -> None:
    low, high = (detail(paint_generation(prompt, 1, 320, 320, reasoning)) for reasoning in REASONINGS)
    assert high > 1.04 * low


@pytest.mark.parametrize(
    ("prompt", "size"), [("neon city skyline", (3552, 1184)), ("a red poppy field", (2048, 2048))]
)
def test_a_large_picture_stays_small_in_bytes(prompt: str, size: tuple[int, int]) -> None:
    assert len(paint_generation(prompt, 11, *size, "high")) < 4_200_000

"""How words become colours and subjects."""

import pytest

from local.painter.colour import Colour, to_polar
from local.painter.palette import choose_palette, read_words
from local.painter.scenes import city, figure, forest, meadow, mountains, sea, table
from local.painter.subjects import Scene, choose_scene


def lightness(colour: Colour) -> float:
    return to_polar(colour)[0]


@pytest.mark.parametrize(
    ("prompt", "scene"),
    [
        (
            "A cinematic portrait of a chef plating ramen, warm tungsten light, shallow depth of field",
            table.paint,
        ),
        ("Replace the background with a sunset beach.", sea.paint),
        ("two mountains", mountains.paint),
        ("a city skyline with a tree", city.paint),
        ("poppies", meadow.paint),
        ("Wolves in the Forest", forest.paint),
        ("my cat", figure.paint),
    ],
)
def test_the_words_choose_the_subject(prompt: str, scene: Scene) -> None:
    assert {choose_scene(read_words(prompt), seed) for seed in range(5)} == {scene}


def test_without_a_subject_the_seed_chooses() -> None:
    assert len({choose_scene(read_words("hello"), seed) for seed in range(40)}) > 4


@pytest.mark.parametrize("prompt", ["", "???", "日本の山", "éclair 🎂", "x" * 4000])
def test_any_text_has_colours(prompt: str) -> None:
    palette = choose_palette(prompt)
    assert 0 <= min(palette.zenith) <= max(palette.light) <= 1


@pytest.mark.parametrize(
    "prompt", ["a city at dawn", "red", "blue and gold", "snow", "black", "neon night", "storm"]
)
def test_light_stays_lighter_than_what_it_falls_on(prompt: str) -> None:
    palette = choose_palette(prompt)
    assert lightness(palette.light) > lightness(palette.horizon) > lightness(palette.near)


def test_night_is_darker_than_day() -> None:
    assert (
        lightness(choose_palette("a lake at night").zenith) < lightness(choose_palette("a lake").zenith) - 0.2
    )


def test_equal_words_give_equal_colours_however_they_are_spaced() -> None:
    assert choose_palette("A  calm Sea\n") == choose_palette("a calm sea")

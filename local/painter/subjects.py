"""Decides what a prompt is a picture of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from local.painter.dice import roll
from local.painter.scenes import (
    city,
    cosmos,
    dunes,
    figure,
    forest,
    meadow,
    mountains,
    ribbons,
    sea,
    still_life,
    table,
)
from local.painter.sketch import Sketch

Scene: TypeAlias = Callable[[Sketch], None]

_SUBJECTS: Mapping[Scene, str] = {
    mountains.paint: "mountain mountains alps peak summit hill valley cliff volcano lake ridge fjord glacier",
    sea.paint: "sea ocean beach shore coast wave harbor harbour sail boat ship island lagoon surf lighthouse",
    forest.paint: "forest wood woods tree pine jungle grove woodland park trail deer bear wolf",
    city.paint: "city skyline town street building skyscraper downtown tower architecture cyberpunk bridge",
    dunes.paint: "desert dune dunes sand sahara canyon camel savanna mars",
    meadow.paint: "meadow field flower poppy tulip daisy sunflower garden lavender spring farm grass",
    cosmos.paint: "space planet galaxy nebula cosmos universe astronaut orbit star rocket spaceship saturn",
    table.paint: "ramen chef bowl soup food plating noodle kitchen restaurant dinner dish coffee tea cup mug "
    "cocoa espresso latte",
    figure.paint: "portrait person woman man girl boy face people cat kitten dog puppy fox animal pet",
    still_life.paint: "still vase bottle fruit product pottery ceramic sphere cube cone geometric minimal "
    "interior room shoe watch chair perfume",
    ribbons.paint: "abstract silk ribbon flow wallpaper gradient texture pattern smooth fluid curve",
}
_UNPROMPTED: Sequence[Scene] = (
    mountains.paint,
    sea.paint,
    ribbons.paint,
    forest.paint,
    dunes.paint,
    still_life.paint,
    city.paint,
    meadow.paint,
)


def choose_scene(words: Sequence[str], seed: int) -> Scene:
    """The subject most of the words speak of, the earliest on a tie; without any, one the seed picks."""
    known = {scene: frozenset(vocabulary.split()) for scene, vocabulary in _SUBJECTS.items()}
    hits = [
        scene for word in dict.fromkeys(words) for scene, vocabulary in known.items() if word in vocabulary
    ]
    if hits:
        return max(dict.fromkeys(hits), key=hits.count)
    return _UNPROMPTED[int(roll("subject", seed).integers(len(_UNPROMPTED)))]

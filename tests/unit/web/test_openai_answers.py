"""Pictures inside JSON are written while the last of them arrives, and are the same bytes when read."""

import base64
import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.domain.errors import ModelError
from imagineart.domain.orders import Picture
from imagineart.domain.pieces import BegunPieces
from imagineart.domain.sizes import Size
from imagineart.domain.usage import Usage
from imagineart.web.openai_answers import SeriesJson, encode_base64, series_headers
from tests.fakes.image_making import PieceSource


def picture(source: PieceSource, seed: int | None = 7, backend: str = "gpu") -> Picture:
    return Picture(BegunPieces(source.pieces()), Size(64, 48), seed, "text-to-image", backend, 1.5)


def answer(*pictures: Picture) -> SeriesJson:
    return SeriesJson(pictures, created=1_800_000_000)


@given(st.lists(st.binary(max_size=20) | st.binary(max_size=20).map(memoryview)))
def test_pieces_of_any_length_are_encoded_as_one(pieces: list[bytes | memoryview]) -> None:
    assert b"".join(encode_base64(iter(pieces))) == base64.b64encode(b"".join(pieces))


@pytest.mark.parametrize("size", [3 * 64 * 1024 + each for each in (-1, 0, 1)] + [1_000_001])
def test_a_large_piece_is_encoded_a_part_at_a_time(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    encoded = list(encode_base64(iter([content[:size]])))
    assert b"".join(encoded) == base64.b64encode(content[:size])
    assert max(map(len, encoded)) <= 256 * 1024


def test_one_picture_is_in_openai_s_shape() -> None:
    document = json.loads(b"".join(answer(picture(PieceSource([b"\x89PNG", b"end"])))))
    assert document == {
        "created": 1_800_000_000,
        "output_format": "png",
        "size": "64x48",
        "data": [{"seed": 7, "b64_json": base64.b64encode(b"\x89PNGend").decode()}],
    }


@given(st.lists(st.tuples(st.none() | st.integers(1, 2**63 - 1), st.binary()), min_size=1, max_size=4))
def test_every_picture_is_told_in_its_order_with_its_seed_where_it_has_one(
    made: list[tuple[int | None, bytes]],
) -> None:
    document = json.loads(b"".join(answer(*(picture(PieceSource([png]), seed) for seed, png in made))))
    told = [(each.get("seed"), base64.b64decode(each["b64_json"])) for each in document["data"]]
    assert told == made
    assert ["seed" in each for each in document["data"]] == [seed is not None for seed, _ in made]


def test_the_last_picture_is_passed_on_as_it_arrives() -> None:
    source = PieceSource([b"one", b"two", b"six"])
    pieces = answer(picture(source))
    seen = [source.read for piece in pieces if b"".join([piece])]
    assert seen[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(seen))
    assert source.closed


def test_the_bytes_of_the_pictures_are_counted_and_not_those_of_the_json() -> None:
    pieces = answer(picture(PieceSource([b"one"])), picture(PieceSource([b"three", b"!"])))
    assert pieces.image_bytes == 0
    list(pieces)
    assert pieces.image_bytes == 9


@pytest.mark.parametrize("read", [0, 1, 2, 4])
def test_closing_it_early_lets_every_source_go(read: int) -> None:
    sources = [PieceSource([b"one", b"two"]), PieceSource([b"three", b"four"])]
    pieces = answer(*map(picture, sources))
    for _ in range(read):
        next(pieces)
    pieces.close()
    pieces.close()
    assert list(pieces) == []
    assert all(source.closed for source in sources)


def test_what_all_pictures_cost_together_comes_last() -> None:
    costs = [Usage(1, 2, 3), Usage(10, 20, 30)]
    made = [replace(picture(PieceSource([b"x"])), usage=lambda cost=cost: cost) for cost in costs]
    assert json.loads(b"".join(answer(*made)))["usage"] == {
        "input_tokens": 33, "input_tokens_details": {"image_tokens": 22, "text_tokens": 11},
        "output_tokens": 33, "total_tokens": 66,
    }  # fmt: skip


def test_a_cost_that_is_not_known_of_every_picture_is_not_told() -> None:
    known = replace(picture(PieceSource([b"x"])), usage=lambda: Usage(1, 2, 3))
    assert "usage" not in json.loads(b"".join(answer(known, picture(PieceSource([b"y"])))))


def test_a_picture_that_breaks_off_leaves_the_json_open() -> None:
    written: list[bytes] = []
    with pytest.raises(ModelError):
        written.extend(answer(picture(PieceSource([b"one"], ModelError()))))
    assert written[-1] == base64.b64encode(b"one")


def test_the_headers_are_the_first_picture_s_with_every_backend_once() -> None:
    pictures = [
        picture(PieceSource([b""]), seed, backend)
        for seed, backend in ((5, "gpu"), (6, "bedrock"), (7, "gpu"))
    ]
    assert series_headers(pictures) == {
        "X-Seed": "5", "X-Model": "text-to-image", "X-Backend": "gpu, bedrock",
        "X-Image-Width": "64", "X-Image-Height": "48",
    }  # fmt: skip


def test_without_a_seed_the_headers_say_so() -> None:
    headers = series_headers([picture(PieceSource([b""]), seed=None)])
    assert headers["X-Seed-Supported"] == "false"
    assert "X-Seed" not in headers

"""Pictures that compress like photographs: gradients, shapes and sensor noise, the same in every run."""

import io
import itertools
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

import numpy
from PIL import Image
from PIL.PngImagePlugin import PngInfo

_SIGNATURE_BYTES: Final = 8


def paint_photograph(width: int, height: int, *, noise: float = 1.2) -> Image.Image:
    """An RGB picture; `noise` is the deviation of the grain in steps of 8 bits."""
    across, down = numpy.meshgrid(numpy.linspace(0, 1, width), numpy.linspace(0, 1, height))
    waves = numpy.sin(9 * across + 5 * down**2) + numpy.cos(14 * down - 6 * across * down)
    light = numpy.stack([160 - 90 * down, 110 + 60 * across, 90 + 120 * down * across], axis=-1)
    grain = numpy.random.default_rng(1).normal(0, noise, (height, width, 3))
    pixels = light + 28 * waves[..., None] + grain
    return Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8), "RGB")


def encode_png_with_metadata(picture: Image.Image) -> bytes:
    """A PNG at level 6, with the text and the EXIF that image models leave in theirs."""
    text = PngInfo()
    text.add_text("parameters", "A chef plating ramen, warm tungsten light. Steps: 28, Seed: 1")
    text.add_itxt("workflow", '{"nodes": []}' * 500, zip=True)
    exif = Image.Exif()
    exif[0x0131] = "a model"
    target = io.BytesIO()
    picture.save(target, "PNG", compress_level=6, pnginfo=text, exif=exif, dpi=(72, 72))
    return target.getvalue()


def split_picture_data(png: bytes, chunk_bytes: int) -> bytes:
    """The same PNG with its IDAT data in chunks of `chunk_bytes`."""
    pieces = [png[:_SIGNATURE_BYTES]]
    for kind, group in itertools.groupby(_chunks(png), key=lambda chunk: chunk[0]):
        contents: Iterable[bytes] = [data for _, data in group]
        if kind == b"IDAT":
            contents = _split(b"".join(contents), chunk_bytes)
        pieces += [_encode_chunk(kind, data) for data in contents]
    return b"".join(pieces)


def _encode_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    start = _SIGNATURE_BYTES
    while start < len(png):
        (data_bytes,) = struct.unpack_from(">I", png, start)
        yield png[start + 4 : start + 8], png[start + 8 : start + 8 + data_bytes]
        start += 12 + data_bytes


def _split(data: bytes, piece_bytes: int) -> Iterator[bytes]:
    return (data[start : start + piece_bytes] for start in range(0, len(data), piece_bytes))

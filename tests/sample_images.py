"""Small images of every kind, and PNG chunks assembled by hand."""

import io
import zlib
from functools import cache
from typing import Any

import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def gradient(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """An image whose every corner has a colour of its own; transparent to the left where it has alpha."""
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    down = Image.linear_gradient("L").resize((width, height))
    image = Image.merge("RGB", [across, down, Image.new("L", (width, height), 96)])
    if mode == "RGBA":
        image.putalpha(across)
        return image
    return image.convert(mode)


def encode(image: Image.Image, format_name: str, **options: Any) -> bytes:
    """`image` as a file."""
    target = io.BytesIO()
    image.save(target, format_name, **options)
    return target.getvalue()


def decode(content: bytes) -> Image.Image:
    """The image in a file, decoded."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


@cache
def sample(kind: str, width: int = 64, height: int = 48, mode: str = "RGB") -> bytes:
    """A gradient as a file of `kind` (png, jpeg, webp, heic, ...)."""
    return encode(gradient(width, height, mode), {"heic": "heif", "heif": "heif"}.get(kind, kind))


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """One PNG chunk with its right CRC."""
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def header(width: int, height: int, *, bit_depth: int = 8, colour_type: int = 2, interlace: int = 0) -> bytes:
    """An IHDR chunk."""
    sides = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return chunk(b"IHDR", sides + bytes([bit_depth, colour_type, 0, 0, interlace]))


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """(kind, data) of every chunk up to the end of the bytes."""
    found = []
    at = len(PNG_SIGNATURE)
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        found.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def assemble(*parts: bytes) -> bytes:
    """A PNG of the given chunks."""
    return PNG_SIGNATURE + b"".join(parts)


def insert_chunks(png: bytes, *parts: bytes) -> bytes:
    """`png` with chunks put between its header and its pixels."""
    return png[:33] + b"".join(parts) + png[33:]

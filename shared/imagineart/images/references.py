"""Reference images as callers send them, brought to what a backend takes."""

from typing import Final

from imagineart.errors import InvalidImageError
from imagineart.images.decoding import decode_image
from imagineart.images.encoding import encode_jpeg, encode_png
from imagineart.images.kinds import INPUT_IMAGE_KINDS, JPEG, PNG, UnusableImageError
from imagineart.images.model import ReferenceImage

MAX_REFERENCE_SIDE: Final = 4096
"""References are reduced to this many pixels on the longer side: no output is larger."""


def read_reference(content: bytes, *, label: str, max_side: int = MAX_REFERENCE_SIDE) -> ReferenceImage:
    """The image in a PNG, JPEG, WebP, HEIC or HEIF; of several, the first. Takes up to some seconds of CPU.

    It is reduced to `max_side` pixels on the longer side. Raises InvalidImageError, which names the image by
    `label`.
    """
    try:
        decoded = decode_image(content, reduced_to=max_side)
    except UnusableImageError as error:
        accepted = ", ".join(each.name for each in INPUT_IMAGE_KINDS)
        raise InvalidImageError(label, f"{error} Accepted are {accepted}.") from error
    decoded.pixels.thumbnail((max_side, max_side))
    if decoded.kind is PNG or decoded.pixels.mode == "RGBA":
        return ReferenceImage(encode_png(decoded.pixels), PNG, decoded.size)
    return ReferenceImage(encode_jpeg(decoded.pixels), JPEG, decoded.size)

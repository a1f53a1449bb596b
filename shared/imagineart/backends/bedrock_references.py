"""Pictures made fit for Stability's models on Amazon Bedrock, with Pillow, which is loaded only for that."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from imagineart.backends.bedrock_sizes import fits_upscaler, shrink_for_upscaler, style_frames
from imagineart.adapters.pillow_loading import await_pillow
from imagineart.errors import ModelError
from imagineart.images.kinds import JPEG, MAX_REFERENCE_PIXELS, PNG, ReferenceImage
from imagineart.images.sizes import Size

if TYPE_CHECKING:
    from PIL.Image import Image

_PNG_BEGINNING: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_PNG_WIDTH: Final = slice(16, 20)
_PNG_HEIGHT: Final = slice(20, 24)
_PNG_LAYOUT: Final = slice(24, 26)
_OPAQUE_LAYOUT: Final = b"\x08\x02"
"""8 bits, RGB."""

_DECODER_FAILURES: Final = (Exception,)
"""Decoders raise whatever damaged bytes make of them, struct.error and MemoryError among it."""


def fit_reference(reference: ReferenceImage, frame: Size) -> bytes:
    """A picture file of exactly `frame`, cropped around the middle; one that is so already as it is.

    What is transparent becomes white. Raises ModelError.
    """
    if reference.size == frame and _is_opaque(reference):
        return reference.content
    with _reading("a reference"):
        return _encode(_fit(reference, frame))


def lay_side_by_side(references: Sequence[ReferenceImage]) -> bytes:
    """One picture file of all, from left to right. Raises ModelError."""
    await_pillow()
    from PIL import Image

    frames = style_frames([each.size for each in references])
    with _reading("a reference"):
        whole = Image.new("RGB", (sum(frame.width for frame in frames), frames[0].height))
        left = 0
        for reference, frame in zip(references, frames, strict=True):
            whole.paste(_fit(reference, frame), (left, 0))
            left += frame.width
        return _encode(whole)


def fit_for_upscaler(picture: bytes) -> bytes:
    """A picture file that the upscaler takes; a PNG that is so already as it is. Raises ModelError."""
    size = _png_size(picture)
    if size is not None and fits_upscaler(size):
        return picture
    with _reading("the picture to enlarge"):
        image = _open(picture)
        smaller = shrink_for_upscaler(Size(*image.size))
        return _encode(image.convert("RGB").resize((smaller.width, smaller.height)))


def _is_opaque(reference: ReferenceImage) -> bool:
    return reference.kind is JPEG or (
        reference.kind is PNG and reference.content[_PNG_LAYOUT] == _OPAQUE_LAYOUT
    )


def _png_size(content: bytes) -> Size | None:
    """The size in the header of a PNG; None of anything else."""
    if not content.startswith(_PNG_BEGINNING):
        return None
    return Size(int.from_bytes(content[_PNG_WIDTH], "big"), int.from_bytes(content[_PNG_HEIGHT], "big"))


@contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    except _DECODER_FAILURES as error:
        raise ModelError(detail=f"{what} cannot be read: {type(error).__name__}") from error


def _open(content: bytes) -> "Image":
    """The picture, its header read and nothing decoded. Raises what Pillow raises."""
    await_pillow()
    from PIL import Image

    image = Image.open(io.BytesIO(content), formats=["PNG", "JPEG", "WEBP"])
    if image.width * image.height > MAX_REFERENCE_PIXELS:
        raise ValueError(f"{image.width}x{image.height} pixels")
    return image


def _fit(reference: ReferenceImage, frame: Size) -> "Image":
    await_pillow()
    from PIL import Image, ImageOps

    image = _open(reference.content)
    # A JPEG far larger than the frame is reduced to a fraction while it is decoded.
    image.draft(image.mode, (frame.width, frame.height))
    fitted = ImageOps.fit(image, (frame.width, frame.height))
    if "A" not in fitted.getbands():
        return fitted.convert("RGB")
    opaque = Image.new("RGB", fitted.size, "white")
    opaque.paste(fitted, mask=fitted.getchannel("A"))
    return opaque


def _encode(image: "Image") -> bytes:
    """A JPEG without visible loss: a third of what a PNG takes on its way there."""
    target = io.BytesIO()
    image.save(target, "JPEG", quality=95, subsampling=0)
    return target.getvalue()

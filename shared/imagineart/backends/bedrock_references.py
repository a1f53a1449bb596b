"""Images brought to what Stability's models on Amazon Bedrock take, with Pillow."""

from collections.abc import Sequence

from PIL import Image

from imagineart.backends.bedrock_sizes import (
    fits_upscaler,
    shrink_for_upscaler,
    style_frames,
    wide_frame,
)
from imagineart.errors import ModelError
from imagineart.images.decoding import decode_image, fit
from imagineart.images.encoding import encode_jpeg, encode_png, on_white
from imagineart.images.kinds import JPEG, PNG, UnusableImageError, detect_image_kind
from imagineart.images.model import ReferenceImage
from imagineart.images.png import RGB, read_png
from imagineart.images.sizes import Size


def fit_reference(reference: ReferenceImage, frame: Size) -> bytes:
    """An image file of exactly `frame`, cropped around the middle; one that is so already as it is.

    What is transparent becomes white. Raises ModelError.
    """
    if reference.size == frame and (reference.kind is JPEG or _is_opaque_png(reference)):
        return reference.content
    return encode_jpeg(_fit(reference, frame))


def lay_side_by_side(references: Sequence[ReferenceImage]) -> bytes:
    """One image file of all, from left to right. Raises ModelError."""
    frames = style_frames([each.size for each in references])
    whole = Image.new("RGB", (sum(frame.width for frame in frames), frames[0].height))
    left = 0
    for reference, frame in zip(references, frames, strict=True):
        whole.paste(_fit(reference, frame), (left, 0))
        left += frame.width
    return encode_jpeg(whole)


def frame_for_inpainting(content: bytes, mask: bytes) -> tuple[bytes, bytes]:
    """An image and its mask, with black bars where they are narrower than the service takes.

    The result has the bars too, which cropping around the middle removes.
    """
    image = _decode(content)
    frame = wide_frame(Size(*image.size))
    marked = _decode(mask).convert("L")
    return encode_jpeg(_pad(image, frame)), encode_png(_pad(marked, frame))


def frame_image(reference: ReferenceImage, size: Size) -> bytes:
    """An image file of the shape of `size`, with bars where it is narrower than the services take."""
    return encode_jpeg(_pad(_fit(reference, size), wide_frame(size)))


def crop(reference: ReferenceImage, box: tuple[int, int, int, int]) -> bytes:
    """The part of an image between left, top, right and bottom."""
    return encode_jpeg(_decode(reference.content).crop(box))


def _pad(image: Image.Image, frame: Size) -> Image.Image:
    padded = Image.new(image.mode, (frame.width, frame.height))
    padded.paste(image, ((frame.width - image.width) // 2, (frame.height - image.height) // 2))
    return padded


def _decode(content: bytes) -> Image.Image:
    try:
        return on_white(decode_image(content).pixels)
    except UnusableImageError as error:
        raise ModelError(detail=f"a reference: {error}") from error


def fit_for_upscaler(content: bytes) -> bytes:
    """An image file that the upscaler takes; a PNG that is so already as it is. Raises ModelError."""
    try:
        if detect_image_kind(content) is PNG and fits_upscaler(read_png(content).size):
            return content
        decoded = decode_image(content)
    except UnusableImageError as error:
        raise ModelError(detail=f"the image to enlarge: {error}") from error
    smaller = shrink_for_upscaler(decoded.size)
    return encode_jpeg(decoded.pixels.convert("RGB").resize((smaller.width, smaller.height)))


def _is_opaque_png(reference: ReferenceImage) -> bool:
    return reference.kind is PNG and read_png(reference.content).colour_type == RGB


def _fit(reference: ReferenceImage, frame: Size) -> Image.Image:
    try:
        decoded = decode_image(reference.content, reduced_to=max(frame.width, frame.height))
    except UnusableImageError as error:
        raise ModelError(detail=f"a reference: {error}") from error
    fitted = fit(decoded.pixels, frame)
    if fitted.mode == "RGB":
        return fitted
    opaque = Image.new("RGB", fitted.size, "white")
    opaque.paste(fitted, mask=fitted.getchannel("A"))
    return opaque

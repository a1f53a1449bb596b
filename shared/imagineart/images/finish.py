"""What a backend returned, brought to the image that is delivered.

The usual response of a backend, a file of the right format and size, is cleaned without being decoded.
"""

from imagineart.errors import ModelError
from imagineart.images.in_thread import in_image_thread
from imagineart.images.kinds import JPEG, PNG, UnusableImageError, detect_image_kind
from imagineart.images.model import ImageRequest, OutputFormat
from imagineart.images.png import read_png
from imagineart.images.profiles import png_profile
from imagineart.images.sizes import Size


async def finish_image(content: bytes, request: ImageRequest) -> bytes:
    """A clean sRGB image of exactly the delivered size; another one is cropped to the ratio and resampled.

    Outside of the mask of the request, it is the reference. Cleaning takes a millisecond. Converting takes up
    to some seconds, in the image thread. A JPEG or WebP that only has to be cleaned keeps its own quality:
    encoding it twice would lose more. Raises ModelError, also for an image without transparency where that is
    wanted.
    """
    try:
        is_plain = request.background == "auto" and request.mask is None and request.watermark is None
        cleaned = _cleaned(content, request.delivered_size, request.output_format) if is_plain else None
        return cleaned if cleaned is not None else await in_image_thread(_converted, content, request)
    except UnusableImageError as error:
        raise ModelError(
            "The inference backend returned something that is not an image.",
            detail=f"unusable image: {error}",
        ) from error


def _cleaned(content: bytes, size: Size, output: OutputFormat) -> bytes | None:
    """The file without its metadata, or None where more has to change."""
    kind = detect_image_kind(content)
    if kind is not output.kind:
        return None
    if kind is PNG:
        return _cleaned_png(content, size)
    # A PNG needs no Pillow.
    from imagineart.images.decoding import clean_jpeg, clean_webp

    return clean_jpeg(content, size) if kind is JPEG else clean_webp(content, size)


def _cleaned_png(content: bytes, size: Size) -> bytes | None:
    png = read_png(content)
    if not png.is_deliverable(size):
        return None
    profile = png_profile(png)
    if profile is not None:
        from imagineart.images.colour import is_srgb

        if not is_srgb(profile):
            return None
    return png.pixels_only()


def _converted(content: bytes, request: ImageRequest) -> bytes:
    from imagineart.images.decoding import decode_image, fit, has_transparency
    from imagineart.images.encoding import encode_image, on_white
    from imagineart.images.masks import put_back

    pixels = fit(decode_image(content).pixels, request.delivered_size)
    if request.mask is not None:
        pixels = put_back(pixels, request)
    if request.background == "transparent" and not has_transparency(pixels):
        raise ModelError(
            "The inference backend returned an image without transparency.", detail="an opaque image"
        )
    if request.background == "opaque":
        pixels = on_white(pixels)
    if request.watermark:
        from imagineart.images.watermark import with_watermark

        pixels = with_watermark(pixels, request.watermark)
    return encode_image(pixels, request.output_format)

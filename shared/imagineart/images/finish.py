"""What a backend returned, brought to the image that is delivered.

The usual response of a backend, a PNG of the right size, is cleaned without being decoded.
"""

from imagineart.errors import ModelError
from imagineart.images.in_thread import in_image_thread
from imagineart.images.kinds import PNG, UnusableImageError, detect_image_kind
from imagineart.images.png import read_png
from imagineart.images.profiles import png_profile
from imagineart.images.sizes import Size


async def finish_image(content: bytes, size: Size) -> bytes:
    """A clean sRGB PNG of exactly `size`; another size is cropped to the ratio and resampled.

    Cleaning takes a millisecond. Converting takes up to some seconds, in the image thread. Raises ModelError.
    """
    try:
        cleaned = _cleaned(content, size)
        return cleaned if cleaned is not None else await in_image_thread(_converted, content, size)
    except UnusableImageError as error:
        raise ModelError(
            "The inference backend returned something that is not an image.",
            detail=f"unusable image: {error}",
        ) from error


def _cleaned(content: bytes, size: Size) -> bytes | None:
    """The PNG without its metadata, or None where more has to change."""
    if detect_image_kind(content) is not PNG:
        return None
    png = read_png(content)
    if not png.is_deliverable(size):
        return None
    profile = png_profile(png)
    if profile is not None:
        from imagineart.images.colour import is_srgb

        if not is_srgb(profile):
            return None
    return png.pixels_only()


def _converted(content: bytes, size: Size) -> bytes:
    from imagineart.images.decoding import decode_image, encode_png, fit

    return encode_png(fit(decode_image(content).pixels, size))

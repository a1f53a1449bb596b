"""Masks: which part of an image is made anew, and which stays as it is.

A caller's mask is transparent where the image is repainted, as for OpenAI, or white, where it has no
transparency. From then on a mask is a PNG in black and white of the size of the image, with a sharp edge.
"""

import io
from dataclasses import replace
from typing import Final

from PIL import Image, ImageOps

from imagineart.errors import InvalidImageError
from imagineart.images.decoding import decode_image, fit, has_transparency
from imagineart.images.encoding import encode_png
from imagineart.images.kinds import INPUT_IMAGE_KINDS, PNG, UnusableImageError
from imagineart.images.model import ImageRequest, ReferenceImage
from imagineart.images.operations import ModelOperation
from imagineart.images.sizes import Size

_HALF: Final = 128
_NEAREST: Final = Image.Resampling.NEAREST


def inpaint_request(request: ImageRequest, mask: bytes) -> ImageRequest:
    """An edit of one reference of which the rest stays as it is, outside of what a caller's `mask` marks.

    The reference, and the mask stretched to it, are cropped around the middle to the size of the request, so
    that they lie where the result does. Raises InvalidImageError.
    """
    try:
        marked = _read_mask(mask)
    except UnusableImageError as error:
        accepted = ", ".join(each.name for each in INPUT_IMAGE_KINDS)
        raise InvalidImageError("mask", f"{error} Accepted are {accepted}.") from error
    pixels = decode_image(request.references[0].content).pixels
    fitted = _fit_mask(marked.resize(pixels.size, _NEAREST), request.size)
    if fitted.getbbox() is None:
        raise InvalidImageError(
            "mask", "it marks no part of the image; allowed: transparent, or white without transparency."
        )
    reference = ReferenceImage(encode_png(fit(pixels, request.size)), PNG, request.size)
    return replace(
        request, operation=ModelOperation.INPAINT, references=(reference,), mask=encode_png(fitted)
    )


def put_back(image: Image.Image, request: ImageRequest) -> Image.Image:
    """The image of a masked request with its reference outside of the mask, pixel by pixel."""
    size = request.delivered_size
    base = fit(decode_image(request.references[0].content).pixels, size)
    if "RGBA" in (base.mode, image.mode):
        base, image = base.convert("RGBA"), image.convert("RGBA")
    base.paste(image, mask=_fit_mask(_open(request.mask or b""), size))
    return base


def as_alpha(mask: bytes) -> bytes:
    """The same mask as OpenAI takes it: a PNG that is transparent where the image is repainted."""
    kept = ImageOps.invert(_open(mask))
    return encode_png(Image.merge("RGBA", (kept, kept, kept, kept)))


def _read_mask(content: bytes) -> Image.Image:
    pixels = decode_image(content).pixels
    if has_transparency(pixels):
        return pixels.getchannel("A").point(lambda alpha: 255 * (alpha < _HALF))
    return pixels.convert("L").point(lambda level: 255 * (level >= _HALF))


def _open(mask: bytes) -> Image.Image:
    return Image.open(io.BytesIO(mask), formats=["PNG"]).convert("L")


def _fit_mask(mask: Image.Image, size: Size) -> Image.Image:
    wanted = (size.width, size.height)
    return mask if mask.size == wanted else ImageOps.fit(mask, wanted, _NEAREST)

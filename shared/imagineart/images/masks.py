"""Masks: which part of an image is made anew, and which stays as it is.

A caller's mask is transparent where the image is repainted, as for OpenAI, or white, where it has no
transparency. From then on a mask is a PNG in black and white of the size of the image, with a sharp edge.
"""

import io
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class Margins:
    """The pixels by which an image grows on each side."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0


def outpaint_request(request: ImageRequest, margins: Margins) -> ImageRequest:
    """An edit that adds margins around its one reference, which stays as it is; it has the size of both."""
    pixels = decode_image(request.references[0].content).pixels
    wide = pixels.width + margins.left + margins.right
    high = pixels.height + margins.top + margins.bottom
    corner, size = (margins.left, margins.top), Size(wide, high)
    grown, mask = Image.new(pixels.mode, (wide, high)), Image.new("L", (wide, high), 255)
    grown.paste(pixels, corner)
    mask.paste(0, (*corner, margins.left + pixels.width, margins.top + pixels.height))
    return replace(
        request,
        operation=ModelOperation.OUTPAINT,
        size=size,
        delivered_as=None,
        references=(ReferenceImage(encode_png(grown), PNG, size),),
        mask=encode_png(mask),
    )


def kept_box(mask: bytes) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what a mask leaves as it is."""
    marked = _open(mask)
    return ImageOps.invert(marked).getbbox() or (0, 0, *marked.size)


def around_subject(request: ImageRequest, cut_out: bytes) -> ImageRequest:
    """A request that makes all but the subject anew, which is what is opaque in `cut_out`."""
    alpha = decode_image(cut_out).pixels.convert("RGBA").getchannel("A")
    marked = alpha.point(lambda level: 255 * (level < _HALF))
    reference = decode_image(request.references[0].content).pixels
    return replace(
        request,
        references=(ReferenceImage(encode_png(fit(reference, request.size)), PNG, request.size),),
        mask=encode_png(_fit_mask(marked, request.size)),
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

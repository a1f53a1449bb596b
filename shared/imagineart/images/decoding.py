"""Decoding with Pillow; import this module only where an image has to be decoded."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops, ImageOps
from PIL.Image import Transpose

from imagineart.images.colour import to_srgb
from imagineart.images.containers import check_heif, check_webp, exif_orientation, read_jpeg
from imagineart.images.kinds import (
    JPEG,
    MAX_REFERENCE_PIXELS,
    PNG,
    WEBP,
    ImageKind,
    UnusableImageError,
    describe_content,
    detect_image_kind,
)
from imagineart.images.png import GRAY, RGB, Png, read_png
from imagineart.images.profiles import coded_profile, png_profile
from imagineart.images.sizes import Size

_TURNS: Final = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_SIDEWAYS: Final = (5, 6, 7, 8)


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """The pixels of a file: upright, 8-bit RGB in sRGB, or RGBA where it has transparency.

    `size` is in pixels before any reduction.
    """

    kind: ImageKind
    pixels: Image.Image
    size: Size


@dataclass(frozen=True, slots=True)
class _OpenFile:
    """A file whose header Pillow has read. `profile` is None for sRGB; `png` is set for a PNG."""

    image: Image.Image
    orientation: int
    profile: bytes | None
    png: Png | None = None


def decode_image(content: bytes, *, reduced_to: int | None = None) -> DecodedImage:
    """The first image in `content`; a JPEG far larger than `reduced_to` pixels a side is decoded in part.

    Raises UnusableImageError.
    """
    kind = detect_image_kind(content)
    if kind is None:
        raise UnusableImageError(f"the content is {describe_content(content)}.")
    try:
        opened = _OPENERS.get(kind, _open_heif)(content)
        width, height = opened.image.size
        if width * height > MAX_REFERENCE_PIXELS:
            raise UnusableImageError(
                f"the {kind.name} has {width}x{height} pixels, "
                f"more than {MAX_REFERENCE_PIXELS // 1_000_000} megapixels."
            )
        if reduced_to and kind is JPEG:
            opened.image.draft(opened.image.mode, (reduced_to, reduced_to))
        opened.image.load()
        pixels = _upright_srgb(opened)
    except UnusableImageError:
        raise
    except Exception as error:
        # Decoders raise anything on hostile bytes, struct.error and MemoryError included.
        raise UnusableImageError(f"the {kind.name} is truncated or damaged.") from error
    size = Size(height, width) if opened.orientation in _SIDEWAYS else Size(width, height)
    return DecodedImage(kind, pixels, size)


def fit(image: Image.Image, size: Size) -> Image.Image:
    """`image` resampled to exactly `size`, cropped around the middle where its ratio is another."""
    wanted = (size.width, size.height)
    return image if image.size == wanted else ImageOps.fit(image, wanted)


def has_transparency(image: Image.Image) -> bool:
    """Whether any pixel of an RGB or RGBA image is less than opaque."""
    if image.mode != "RGBA":
        return False
    # Pillow describes a band by its lowest and its highest value.
    lowest, _ = image.getchannel("A").getextrema()
    return lowest != 255


def clean_jpeg(content: bytes, size: Size) -> bytes | None:
    """The JPEG without its metadata where it is an upright RGB one of `size` without a profile, else None.

    Raises UnusableImageError where it is truncated.
    """
    jpeg = read_jpeg(content)
    is_upright = exif_orientation(jpeg.exif) == 1
    return jpeg.content if is_upright and _is_plain("JPEG", jpeg.content, size) else None


def clean_webp(content: bytes, size: Size) -> bytes | None:
    """The WebP itself where it is one of `size` without anything but pixels, else None.

    Metadata, profiles and animations need an extended header (RFC 9649, 2.7).
    """
    end = 8 + int.from_bytes(content[4:8], "little")
    pixels = int.from_bytes(content[16:20], "little")
    is_simple = content[12:16] in (b"VP8 ", b"VP8L") and 20 + pixels + pixels % 2 == end <= len(content)
    return content[:end] if is_simple and _is_plain("WEBP", content[:end], size) else None


def _is_plain(format_name: str, content: bytes, size: Size) -> bool:
    """Whether the header says that the pixels can be delivered as they are; no pixel is decoded."""
    try:
        image = _open_as(format_name, content)
    except Exception:
        return False  # `decode_image` says what is wrong with it.
    has_profile = "icc_profile" in image.info
    return image.size == (size.width, size.height) and image.mode in ("RGB", "RGBA") and not has_profile


def _open_png(content: bytes) -> _OpenFile:
    png = read_png(content)
    image = _open_as("PNG", png.decodable())
    return _OpenFile(image, exif_orientation(png.data(b"eXIf")), png_profile(png), png)


def _open_jpeg(content: bytes) -> _OpenFile:
    jpeg = read_jpeg(content)
    image = _open_as("JPEG", jpeg.content)
    return _OpenFile(image, exif_orientation(jpeg.exif), image.info.get("icc_profile"))


def _open_webp(content: bytes) -> _OpenFile:
    check_webp(content)
    image = _open_as("WEBP", content)
    return _OpenFile(image, exif_orientation(image.info.get("exif", b"")), image.info.get("icc_profile"))


def _open_heif(content: bytes) -> _OpenFile:
    """libheif turns the image upright itself."""
    check_heif(content)
    # Registering it with Pillow would ask for its encoder, which is not deployed.
    from pillow_heif import HeifImageFile

    image: Image.Image = HeifImageFile(io.BytesIO(content))  # type: ignore[no-untyped-call]
    profile = image.info.get("icc_profile")
    codes = image.info.get("nclx_profile")
    if profile is None and codes:
        primaries, transfer = codes["color_primaries"], codes["transfer_characteristics"]
        profile = coded_profile(primaries=primaries, transfer=transfer)
    return _OpenFile(image, 1, profile)


_OPENERS: Final[dict[ImageKind, Callable[[bytes], _OpenFile]]] = {
    PNG: _open_png,
    JPEG: _open_jpeg,
    WEBP: _open_webp,
}


def _open_as(format_name: str, content: bytes) -> Image.Image:
    # Pillow's own bound warns at one size and raises at another; `decode_image` has one of its own.
    Image.MAX_IMAGE_PIXELS = None
    return Image.open(io.BytesIO(content), formats=[format_name])


def _upright_srgb(opened: _OpenFile) -> Image.Image:
    image = opened.image
    alpha = _alpha(opened)
    if image.mode.startswith("I"):
        image = image.convert("I").point([(level + 128) // 257 for level in range(65_536)], "L")
    if image.mode in ("P", "PA", "RGBa"):
        image = image.convert("RGBA")
    pixels = to_srgb(image, opened.profile)
    if alpha is not None:
        pixels.putalpha(alpha)
    turn = _TURNS.get(opened.orientation)
    return pixels if turn is None else pixels.transpose(turn)


def _alpha(opened: _OpenFile) -> Image.Image | None:
    """How opaque each pixel is, or None where all are."""
    image, png = opened.image, opened.png
    if png and b"tRNS" in png.chunks and png.colour_type in (GRAY, RGB):
        return _colour_key_alpha(image, png)
    if "transparency" in image.info or image.mode.upper().endswith("A"):
        return image.convert("RGBA").getchannel("A")
    return None


def _colour_key_alpha(image: Image.Image, png: Png) -> Image.Image:
    """Transparent where a pixel has the one colour that tRNS names, compared in all of its bits.

    Source: PNG 3rd edition, 11.3.1.1
    """
    key = png.data(b"tRNS")
    if png.colour_type == GRAY:
        gray = int.from_bytes(key[:2], "big")
        if png.bit_depth == 16:
            return image.convert("I").point([0 if level == gray else 255 for level in range(65_536)], "L")
        gray = gray * 255 // (2**png.bit_depth - 1)
        return image.convert("L").point([0 if level == gray else 255 for level in range(256)])
    channels = list(zip(image.split(), key[1::2] if png.bit_depth == 8 else key[::2], strict=True))
    if png.bit_depth == 16:
        channels += zip(_low_bytes(png).split(), key[1::2], strict=True)
    alpha = Image.new("L", image.size)
    for channel, wanted in channels:
        alpha = ImageChops.lighter(alpha, channel.point([255 * (level != wanted) for level in range(256)]))
    return alpha


def _low_bytes(png: Png) -> Image.Image:
    """The lower halves of 16-bit samples, which Pillow drops: read as if they stood first."""
    image = _open_as("PNG", png.decodable())
    image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]  # type: ignore[attr-defined]
    image.load()
    return image

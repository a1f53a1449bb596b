"""Decoding and encoding pictures with Pillow, which is loaded only when a picture may need it.

The usual answer of a backend, a PNG of the right size, is cleaned without being decoded.
"""

import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from imagineart.adapters.pillow_loading import await_pillow, load_pillow_meanwhile
from imagineart.errors import InvalidImageError, ModelError
from imagineart.images.kinds import (
    HEIC,
    HEIF,
    INPUT_IMAGE_KINDS,
    JPEG,
    MAX_REFERENCE_PIXELS,
    PNG,
    WEBP,
    ImageKind,
    ReferenceImage,
    describe_content,
    detect_image_kind,
)
from imagineart.domain.pieces import Piece, Pieces
from imagineart.images.png import BrokenPngError, PngCleaner, UndeliverablePngError, clean_png, verify_png
from imagineart.images.sizes import Size

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_REFERENCE_SIDE: Final = 4096
"""References are reduced to this many pixels on the longer side: no output is larger."""

_PILLOW_FORMATS: Final = {PNG: "PNG", JPEG: "JPEG", WEBP: "WEBP"}
_LOSSY_KINDS: Final = frozenset({JPEG, WEBP, HEIC, HEIF})
_EXIF_ORIENTATION: Final = 0x0112
_TURNED_SIDEWAYS: Final = (5, 6, 7, 8)
_DECODER_FAILURES: Final = (Exception,)
"""Decoders raise whatever hostile bytes make of them, struct.error and MemoryError among it."""


class _UnusablePictureError(ValueError):
    """The content is no usable picture; the text says why, for the caller."""


@dataclass(frozen=True, slots=True)
class PillowReferenceReader:
    """A ReferenceReader for PNG, JPEG, WebP, HEIC and HEIF."""

    def read(self, content: bytes, *, label: str) -> ReferenceImage:
        """The first frame, upright, 8-bit sRGB, without metadata. Raises InvalidImageError."""
        try:
            kind, image = _open(content)
            width, height = image.size
            _decode(kind, image, near=MAX_REFERENCE_SIDE)
            size = Size(height, width) if _orientation(image) in _TURNED_SIDEWAYS else Size(width, height)
            upright = _upright_srgb(image)
        except _UnusablePictureError as error:
            accepted = ", ".join(each.name for each in INPUT_IMAGE_KINDS)
            raise InvalidImageError(label, f"{error} Accepted are {accepted}.") from error
        upright.thumbnail((MAX_REFERENCE_SIDE, MAX_REFERENCE_SIDE))
        if kind in _LOSSY_KINDS and upright.mode == "RGB":
            return ReferenceImage(_encode_jpeg(upright), JPEG, size)
        return ReferenceImage(_encode_png(upright), PNG, size)


@dataclass(frozen=True, slots=True)
class PillowPictureFinisher:
    """A PictureFinisher."""

    def prepare(self) -> None:
        """Load Pillow meanwhile: most backends paint other sizes than are ordered, some another format."""
        load_pillow_meanwhile()

    def finish(self, answer: Pieces, size: Size) -> Pieces:
        """A clean PNG of exactly `size`; another size is cropped to the ratio and resampled.

        Reading it raises ModelError, and what reading `answer` raises.
        """
        try:
            yield from _clean_or_convert(answer, size)
        except (BrokenPngError, _UnusablePictureError) as error:
            raise ModelError(
                "The inference backend answered something that is no picture.",
                detail=f"unusable picture: {error}",
            ) from error
        finally:
            answer.close()


def _clean_or_convert(answer: Pieces, size: Size) -> Iterator[Piece]:
    """Passes the picture on as it arrives, where it is as it should be; else waits for the whole of it.

    What a piece gives is passed on when the next has come: an answer in one piece is known to be whole first.
    """
    cleaner = PngCleaner(size)
    withheld: list[Piece] = []
    certain: list[memoryview] = []
    passing = False
    try:
        for piece in answer:
            yield from certain
            if not passing:
                withheld.append(piece)
            certain = cleaner.feed(piece)
            if certain:
                passing = True
                withheld.clear()
        cleaner.finish()
        yield from certain
    except UndeliverablePngError:
        content = b"".join((*withheld, *answer))
        yield clean_png(_convert(content, size), size)


def _convert(content: bytes, size: Size) -> bytes:
    await_pillow()
    from PIL import ImageOps

    kind, image = _open(content)
    _decode(kind, image)
    picture = _upright_srgb(image)
    if picture.size != (size.width, size.height):
        picture = ImageOps.fit(picture, (size.width, size.height))
    return _encode_png(picture)


def _open(content: bytes) -> tuple[ImageKind, "Image"]:
    """The kind and the picture, its header read and nothing decoded. Raises _UnusablePictureError."""
    await_pillow()
    from PIL import Image

    kind = detect_image_kind(content)
    if kind is None:
        raise _UnusablePictureError(f"the content is {describe_content(content)}.")
    Image.MAX_IMAGE_PIXELS = (
        None  # Pillow's own bound warns at one size and raises at another; ours is below.
    )
    begin: Callable[[io.BytesIO], Image.Image]
    if kind in (HEIC, HEIF):
        # Registering it with Pillow would ask for the name of its encoder, which is not deployed.
        from pillow_heif import HeifImageFile

        begin = HeifImageFile
    else:
        begin = partial(Image.open, formats=[_PILLOW_FORMATS[kind]])
    try:
        image = begin(io.BytesIO(content))
    except _DECODER_FAILURES as error:
        raise _UnusablePictureError(f"the {kind.name} is truncated or damaged.") from error
    if image.width * image.height > MAX_REFERENCE_PIXELS:
        raise _UnusablePictureError(
            f"the {kind.name} has {image.width}x{image.height} pixels, "
            f"more than {MAX_REFERENCE_PIXELS // 1_000_000} megapixels."
        )
    if kind is PNG:
        # Pillow passes over the checksum of the pixels and a missing end.
        try:
            verify_png(content)
        except BrokenPngError as error:
            raise _UnusablePictureError("the PNG is truncated or damaged.") from error
    return kind, image


def _decode(kind: ImageKind, image: "Image", *, near: int | None = None) -> None:
    """Load the first frame; a JPEG far larger than `near` pixels a side is reduced to a fraction on the way.

    Raises _UnusablePictureError.
    """
    try:
        if near and image.format == "JPEG":
            image.draft(image.mode, (near, near))
        image.load()
    except _DECODER_FAILURES as error:
        raise _UnusablePictureError(f"the {kind.name} is truncated or damaged.") from error


def _orientation(image: "Image") -> int:
    """The EXIF orientation of a decoded picture, 1 to 8; 1 where there is none or it cannot be read.

    Asked earlier, Pillow would decode a PNG here and a failure would be lost.
    """
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except _DECODER_FAILURES:
        return 1


def _upright_srgb(image: "Image") -> "Image":
    """The decoded picture turned upright, as 8-bit RGB, or RGBA where it has transparency."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(_orientation(image))
    profile: bytes | None = image.info.get("icc_profile")
    has_alpha = "A" in image.getbands() or "transparency" in image.info
    upright = image.transpose(turn) if turn is not None else image
    if upright.mode.startswith("I"):
        upright = upright.convert("I").point(lambda level: level / 257).convert("L")
    if has_alpha:
        upright = upright.convert("RGBA")
    picture = _to_srgb(upright, profile) if profile else upright.convert("RGB")
    if has_alpha:
        picture.putalpha(upright.getchannel("A"))
    return picture


def _to_srgb(image: "Image", profile: bytes) -> "Image":
    """`image` brought from its colour profile to sRGB; a profile that does not fit the picture is ignored."""
    from PIL import ImageCms

    if b"sRGB" in profile:
        return image.convert("RGB")
    profiled = image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")
    try:
        converted = ImageCms.profileToProfile(
            profiled,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB")
    return converted or image.convert("RGB")


def _encode_png(image: "Image") -> bytes:
    """Level 1 with run-length matching: smaller than level 6 on photographs at an eighth of its time."""
    return _save(image, "PNG", compress_level=1, compress_type=zlib.Z_RLE, icc_profile=None)


def _encode_jpeg(image: "Image") -> bytes:
    return _save(image, "JPEG", quality=95, subsampling=0, icc_profile=None)


def _save(image: "Image", format_name: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.info = {}
    image.save(target, format_name, **options)
    return target.getvalue()

"""Colours brought to sRGB with LittleCMS."""

import io
from itertools import chain, product
from typing import Final

from PIL import Image, ImageChops, ImageCms

from imagineart.images.profiles import MAX_PROFILE_BYTES

_TOLERANCE: Final = 3
"""A profile that moves no colour by more levels than this is one of the many that describe sRGB."""

_MODE_BY_SPACE: Final = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
_GRAY_MODES: Final = ("1", "L", "LA")
_PROBED_LEVELS: Final = range(0, 256, 17)
_PROBED_COLOURS: Final = bytes(chain.from_iterable(product(_PROBED_LEVELS, repeat=3)))


def is_srgb(profile: bytes) -> bool:
    """Whether RGB numbers mean the same under `profile` as in sRGB, whatever its name."""
    transform = _transform(profile, "RGB") if profile[16:20] == b"RGB " else None
    return transform is None or _changes_little(transform)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """`image` as RGB in sRGB. A profile that does not fit the image, or is damaged, is ignored."""
    mode = _MODE_BY_SPACE.get((profile or b"")[16:20])
    fits = {"RGB": image.mode != "CMYK", "L": image.mode in _GRAY_MODES, "CMYK": image.mode == "CMYK"}
    transform = _transform(profile, mode) if profile and mode and fits[mode] else None
    if transform is None or (mode == "RGB" and _changes_little(transform)):
        return image.convert("RGB")
    return ImageCms.applyTransform(image.convert(mode), transform) or image.convert("RGB")


def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    if len(profile) >= MAX_PROFILE_BYTES:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None


def _changes_little(transform: ImageCms.ImageCmsTransform) -> bool:
    probe = Image.frombytes("RGB", (len(_PROBED_LEVELS) ** 2, len(_PROBED_LEVELS)), _PROBED_COLOURS)
    changed = ImageCms.applyTransform(probe, transform)
    if changed is None:
        return True
    return max(ImageChops.difference(probe, changed).tobytes()) <= _TOLERANCE

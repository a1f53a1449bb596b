"""What each of Stability's models takes, checked as its documentation says, and the picture it makes of it.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/stable-image-services.html
"""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image

from local.painter.paint import paint_edit, paint_generation

MEGAPIXEL: Final = 1 << 20
TEXT_REGION: Final = "us-west-2"
SERVICE_REGIONS: Final = ("us-east-1", "us-east-2", "us-west-2")

_MAX_SEED: Final = 4_294_967_294
_MAX_PROMPT: Final = 10_000
_RATIOS: Final = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
_MODES: Final = ("text-to-image", "image-to-image")
_FORMATS: Final = ("jpeg", "png", "webp")
_KINDS: Final = ("JPEG", "PNG", "WEBP")
_SIDE_UNIT: Final = 64
_ENLARGED: Final = 4


class RefusedOrderError(ValueError):
    """A body that the model does not take; the text says why."""


@dataclass(frozen=True, slots=True)
class Painted:
    """A picture file and the seed it was made with."""

    content: bytes
    seed: int


@dataclass(frozen=True, slots=True)
class Model:
    """A model under the ids it is called by, in the regions it is called from.

    `paint` takes the body and the number of pixels to paint, and raises RefusedOrderError. `bare_id` is what
    an inference profile contains, and is no way to call it.
    """

    id: str
    regions: tuple[str, ...]
    fields: frozenset[str]
    paint: Callable[[Mapping[str, Any], int], Painted]
    bare_id: str | None = None


def _paint_from_text(body: Mapping[str, Any], pixels: int) -> Painted:
    prompt, seed = _text(body, "prompt", required=True), _seed(body)
    if _choice(body, "mode", _MODES, "text-to-image") == "image-to-image":
        raise RefusedOrderError("mode: image-to-image is not supported by this model")
    width, height = map(int, _choice(body, "aspect_ratio", _RATIOS, "1:1").split(":"))
    picture = paint_generation(prompt, seed, *_painted_size(width / height, pixels))
    return Painted(_encode(picture, _format(body)), seed)


def _paint_sd35(body: Mapping[str, Any], pixels: int) -> Painted:
    if body.get("mode", "text-to-image") != "image-to-image":
        if "image" in body or "strength" in body:
            raise RefusedOrderError("image and strength are only valid for image-to-image requests")
        return _paint_from_text(body, pixels)
    if "aspect_ratio" in body:
        raise RefusedOrderError("aspect_ratio is only valid for text-to-image requests")
    prompt, seed = _text(body, "prompt", required=True), _seed(body)
    _number(body, "strength", 0, 1, required=True)
    content, image = _image(body, "image")
    _require(min(image.size) >= 64, "image: every side must be at least 64 pixels")
    picture = paint_edit(prompt, seed, *_painted_size(image.width / image.height, pixels), [content])
    return Painted(_encode(picture, _format(body)), seed)


def _transfer_style(body: Mapping[str, Any], pixels: int) -> Painted:
    prompt, seed = _text(body, "prompt", required=False), _seed(body)
    for name, lowest in (("composition_fidelity", 0), ("style_strength", 0), ("change_strength", 0.1)):
        _number(body, name, lowest, 1, required=False)
    contents = []
    for name in ("init_image", "style_image"):
        content, image = _image(body, name)
        contents.append(content)
        _require(min(image.size) >= 64, f"{name}: every side must be at least 64 pixels")
        _require(image.width * image.height <= 9_437_184, f"{name}: more than 9437184 pixels")
        _require(max(image.size) <= 2.5 * min(image.size), f"{name}: the aspect ratio exceeds 2.5:1")
        if name == "init_image":
            size = _painted_size(image.width / image.height, pixels)
    return Painted(_encode(paint_edit(prompt, seed, *size, contents), _format(body)), seed)


def _upscale(body: Mapping[str, Any], _pixels: int) -> Painted:
    _, image = _image(body, "image")
    _require(all(32 <= side <= 1536 for side in image.size), "image: sides must be from 32 to 1536 pixels")
    _require(1024 <= image.width * image.height <= MEGAPIXEL, "image: must have 1024 to 1048576 pixels")
    size = (image.width * _ENLARGED, image.height * _ENLARGED)
    return Painted(_encode(image.convert("RGB").resize(size), _format(body)), 0)


_TEXT_FIELDS: Final = frozenset(
    {"prompt", "negative_prompt", "aspect_ratio", "seed", "output_format", "mode"}
)
_STYLE_FIELDS: Final = frozenset(
    {"init_image", "style_image", "composition_fidelity", "style_strength", "change_strength"}
    | (_TEXT_FIELDS - {"aspect_ratio", "mode"})
)

MODELS: Final = (
    Model("stability.stable-image-core-v1:1", (TEXT_REGION,), _TEXT_FIELDS, _paint_from_text),
    Model("stability.stable-image-ultra-v1:1", (TEXT_REGION,), _TEXT_FIELDS, _paint_from_text),
    Model("stability.sd3-5-large-v1:0", (TEXT_REGION,), _TEXT_FIELDS | {"image", "strength"}, _paint_sd35),
    Model(
        "us.stability.stable-style-transfer-v1:0",
        SERVICE_REGIONS,
        _STYLE_FIELDS,
        _transfer_style,
        bare_id="stability.stable-style-transfer-v1:0",
    ),
    Model(
        "us.stability.stable-fast-upscale-v1:0",
        SERVICE_REGIONS,
        frozenset({"image", "output_format"}),
        _upscale,
        bare_id="stability.stable-fast-upscale-v1:0",
    ),
)


def paint(model: Model, body: Mapping[str, Any], pixels: int) -> Painted:
    """What `model` makes of `body`, about `pixels` of it. Raises RefusedOrderError."""
    unknown = sorted(body.keys() - model.fields)
    _require(not unknown, f"extraneous key [{', '.join(unknown)}] is not permitted")
    return model.paint(body, pixels)


def _painted_size(ratio: float, pixels: int) -> tuple[int, int]:
    """Sides in multiples of 64 at one megapixel, and of as much less at fewer pixels."""
    unit = max(1, round(_SIDE_UNIT * math.sqrt(pixels / MEGAPIXEL)))
    width, height = math.sqrt(pixels * ratio), math.sqrt(pixels / ratio)
    return max(unit, round(width / unit) * unit), max(unit, round(height / unit) * unit)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RefusedOrderError(otherwise)


def _text(body: Mapping[str, Any], name: str, *, required: bool) -> str:
    value = body.get(name, None if required else "")
    _require(isinstance(value, str) and len(value) <= _MAX_PROMPT, f"{name}: expected up to 10000 characters")
    return str(value)


def _seed(body: Mapping[str, Any]) -> int:
    """As a model would, but that 0 is no chance here: a stand-in ought to be repeatable."""
    value = body.get("seed", 0)
    _require(type(value) is int and 0 <= value <= _MAX_SEED, f"seed: expected 0 to {_MAX_SEED}")
    return int(value)


def _number(body: Mapping[str, Any], name: str, lowest: float, highest: float, *, required: bool) -> None:
    if name in body or required:
        value = body.get(name)
        allowed = type(value) in (int, float) and lowest <= float(str(value)) <= highest
        _require(allowed, f"{name}: expected {lowest} to {highest}")


def _choice(body: Mapping[str, Any], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = body.get(name, default)
    _require(value in allowed, f"{name}: expected one of {', '.join(allowed)}")
    return str(value)


def _format(body: Mapping[str, Any]) -> str:
    return _choice(body, "output_format", _FORMATS, "png")


def _image(body: Mapping[str, Any], name: str) -> tuple[bytes, Image.Image]:
    try:
        content = base64.b64decode(body.get(name, ""), validate=True)
        image = Image.open(io.BytesIO(content), formats=_KINDS)
        image.load()
    except (TypeError, binascii.Error, OSError, ValueError, SyntaxError) as error:
        raise RefusedOrderError(f"{name}: expected a picture in base64, jpeg, png or webp") from error
    return content, image


def _encode(picture: bytes | Image.Image, format_name: str) -> bytes:
    if isinstance(picture, bytes):
        if format_name == "png":
            return picture
        picture = Image.open(io.BytesIO(picture))
    target = io.BytesIO()
    picture.save(target, format_name)
    return target.getvalue()

"""What each of Stability's models takes, checked as its documentation says, and the image that it makes.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/stable-image-services.html
"""

import base64
import io
import math
from functools import partial
from typing import Annotated, Any, Final, Literal, TypeAlias

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps
from pydantic import BaseModel, BeforeValidator, Field

from local.painter.draw import edit_image, generate_image, repaint_image

MEGAPIXEL: Final = 1 << 20
TEXT_REGION: Final = "us-west-2"
_SERVICE_REGIONS: Final = ("us-east-1", "us-east-2", "us-west-2")


def _read_image(text: object, *, sides: tuple[int, int], pixels: int, ratio: float) -> bytes:
    try:
        content = base64.b64decode(str(text), validate=True)
        image = Image.open(io.BytesIO(content), formats=["JPEG", "PNG", "WEBP"])
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError("expected an image in base64: jpeg, png or webp") from error
    short, long = min(image.size), max(image.size)
    if short < sides[0] or long > min(sides[1], ratio * short) or short * long > pixels:
        raise ValueError(f"sides must be {sides[0]} to {sides[1]} pixels, {pixels} in all, at most {ratio}:1")
    return content


_reference: Final = BeforeValidator(partial(_read_image, sides=(64, 16_384), pixels=9_437_184, ratio=2.5))
_small: Final = BeforeValidator(partial(_read_image, sides=(32, 1536), pixels=MEGAPIXEL, ratio=48))
_NO_COLOUR: Final = (254, 1, 253)
"""What no image is filled with otherwise."""

_Text: TypeAlias = Annotated[str, Field(max_length=10_000)]


class Body(BaseModel, extra="forbid", strict=True):
    output_format: Literal["jpeg", "png", "webp"] = "png"


class Prompted(Body):
    prompt: _Text
    negative_prompt: _Text = ""
    # Bedrock chooses a seed for 0; a stand-in has to be repeatable.
    seed: Annotated[int, Field(ge=0, le=4_294_967_294)] = 0


class TextToImage(Prompted):
    mode: Literal["text-to-image"] = "text-to-image"
    aspect_ratio: Literal["16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21"] = "1:1"


class ImageToImage(Prompted):
    mode: Literal["image-to-image"]
    image: Annotated[bytes, _reference]
    strength: Annotated[float, Field(ge=0, le=1)]


class StyleTransfer(Prompted):
    prompt: _Text = ""
    init_image: Annotated[bytes, _reference]
    style_image: Annotated[bytes, _reference]


class Inpaint(Prompted):
    image: Annotated[bytes, _reference]
    mask: Annotated[bytes, _reference]
    grow_mask: Annotated[int, Field(ge=0, le=20)] = 5


class Outpaint(Prompted):
    prompt: _Text = ""
    image: Annotated[bytes, _reference]
    left: Annotated[int, Field(ge=0, le=2000)] = 0
    right: Annotated[int, Field(ge=0, le=2000)] = 0
    up: Annotated[int, Field(ge=0, le=2000)] = 0
    down: Annotated[int, Field(ge=0, le=2000)] = 0


class Control(Prompted):
    image: Annotated[bytes, _reference]
    control_strength: Annotated[float, Field(ge=0, le=1)] = 0.7


class ControlStructure(Control):
    pass


class RemoveBackground(Body):
    image: Annotated[bytes, _reference]


class FastUpscale(Body):
    image: Annotated[bytes, _small]


_MODELS: Final[dict[str, type[Body]]] = {
    "stability.stable-image-core-v1:1": TextToImage,
    "stability.stable-image-ultra-v1:1": TextToImage,
    "stability.sd3-5-large-v1:0": TextToImage,
    "us.stability.stable-image-inpaint-v1:0": Inpaint,
    "us.stability.stable-outpaint-v1:0": Outpaint,
    "us.stability.stable-image-remove-background-v1:0": RemoveBackground,
    "us.stability.stable-image-control-sketch-v1:0": Control,
    "us.stability.stable-image-control-structure-v1:0": ControlStructure,
    "us.stability.stable-style-transfer-v1:0": StyleTransfer,
    "us.stability.stable-fast-upscale-v1:0": FastUpscale,
}


def invoke_model(model_id: str, region: str, document: dict[str, Any], pixels: int) -> dict[str, Any]:
    """The response, with an image of about `pixels`. Raises LookupError and ValidationError."""
    if region not in (_SERVICE_REGIONS if model_id.startswith("us.") else (TEXT_REGION,)):
        raise LookupError(model_id)
    edits = model_id.startswith("stability.sd3-5") and document.get("mode") == "image-to-image"
    body, buffer = (ImageToImage if edits else _MODELS[model_id]).model_validate(document), io.BytesIO()
    _draw(body, pixels).save(buffer, body.output_format)
    images = [base64.b64encode(buffer.getvalue()).decode()]
    return {"seeds": [getattr(body, "seed", 0)], "finish_reasons": [None], "images": images}


def _repaint(body: Inpaint) -> Image.Image:
    """The painter takes a mask that is transparent, the service one that is white."""
    image, alpha = Image.open(io.BytesIO(body.image)), io.BytesIO()
    kept = ImageOps.invert(Image.open(io.BytesIO(body.mask)).convert("L"))
    Image.merge("RGBA", (kept, kept, kept, kept)).save(alpha, "PNG")
    files = [body.image, alpha.getvalue()]
    return Image.open(io.BytesIO(repaint_image(body.prompt, body.seed, *image.size, files)))


def _scene(body: Prompted, width: int, height: int) -> Image.Image:
    return Image.open(io.BytesIO(generate_image(body.prompt, body.seed, width, height)))


def _grow(body: Outpaint, image: Image.Image) -> Image.Image:
    """The image within a scene."""
    size = image.width + body.left + body.right, image.height + body.up + body.down
    grown = _scene(body, *size)
    grown.paste(image.convert("RGB"), (body.left, body.up))
    return grown


def _follow(body: Control, image: Image.Image) -> Image.Image:
    """A scene under the lines of the image, or in its light and shade."""
    light, scene = image.convert("L"), _scene(body, *image.size)
    if not isinstance(body, ControlStructure):
        light = ImageOps.invert(ImageOps.autocontrast(light.filter(ImageFilter.FIND_EDGES)))
    return Image.blend(scene, ImageChops.multiply(scene, light.convert("RGB")), body.control_strength)


def _cut_out(image: Image.Image) -> Image.Image:
    """The image without what has nearly the colour of its corners and touches one."""
    filled = image.convert("RGB")
    for corner in ((0, 0), (image.width - 1, 0), (0, image.height - 1), (image.width - 1, image.height - 1)):
        ImageDraw.floodfill(filled, corner, _NO_COLOUR, thresh=60)
    red, green, blue = ImageChops.difference(filled, Image.new("RGB", filled.size, _NO_COLOUR)).split()
    alpha = ImageChops.lighter(ImageChops.lighter(red, green), blue).point(lambda level: 255 * (level > 0))
    cut = image.convert("RGB")
    cut.putalpha(alpha)
    return cut


def _draw(body: Any, pixels: int) -> Image.Image:
    references = [value for _, value in body if isinstance(value, bytes)]
    first = Image.open(io.BytesIO(references[0])) if references else None
    if first and isinstance(body, FastUpscale):
        return first.convert("RGB").resize((4 * first.width, 4 * first.height))
    if first and isinstance(body, Inpaint):
        return _repaint(body)
    if first and isinstance(body, Outpaint):
        return _grow(body, first)
    if first and isinstance(body, Control):
        return _follow(body, first)
    if first and isinstance(body, RemoveBackground):
        return _cut_out(first)
    width, height = first.size if first else map(int, body.aspect_ratio.split(":"))
    # Sides are multiples of 64 for a megapixel, and of as much less for fewer pixels.
    unit = max(1, round(64 * math.sqrt(pixels / MEGAPIXEL)))
    sides = (math.sqrt(pixels * width / height), math.sqrt(pixels * height / width))
    across, down = (max(unit, round(side / unit) * unit) for side in sides)
    if references:
        content = edit_image(body.prompt, body.seed, across, down, references)
    else:
        content = generate_image(body.prompt, body.seed, across, down)
    return Image.open(io.BytesIO(content))

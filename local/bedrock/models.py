"""What each of Stability's models takes, checked as its documentation says, and the image that it makes.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/stable-image-services.html
"""

import base64
import io
import math
from functools import partial
from typing import Annotated, Any, Final, Literal, TypeAlias

from PIL import Image
from pydantic import BaseModel, BeforeValidator, Field

from local.painter.draw import edit_image, generate_image

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


class FastUpscale(Body):
    image: Annotated[bytes, _small]


_MODELS: Final[dict[str, type[Body]]] = {
    "stability.stable-image-core-v1:1": TextToImage,
    "stability.stable-image-ultra-v1:1": TextToImage,
    "stability.sd3-5-large-v1:0": TextToImage,
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


def _draw(body: Any, pixels: int) -> Image.Image:
    references = [value for _, value in body if isinstance(value, bytes)]
    first = Image.open(io.BytesIO(references[0])) if references else None
    if first and isinstance(body, FastUpscale):
        return first.convert("RGB").resize((4 * first.width, 4 * first.height))
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

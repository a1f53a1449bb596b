"""What the fields of a request ask for.

An image that is changed keeps its own size as far as the model is offered for it. Where it is smaller than
what backends make, they are asked for a size of the table, and the result is reduced.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Final

from imagineart.apis.imagine.parameters import TABLE_RATIO, ImagineFields
from imagineart.errors import InvalidFieldError, InvalidImageError, InvalidRequestError
from imagineart.images.model import ImageRequest, ReferenceImage
from imagineart.images.operations import ModelOperation
from imagineart.images.sizes import Size, nearest_aspect_ratio, output_size, smallest_covering
from imagineart.models.model import Model, SizeBounds, Style

MIN_SIDE: Final = 256
"""Backends make no smaller images."""
_LARGE_ENOUGH: Final = f"one that grows to {MIN_SIDE}x{MIN_SIDE} or more"

ENLARGED_SIDES: Final = 4
"""An enlarged image has at most so many times the pixels on each side."""

_CAPABILITIES: Final = {
    "negative_prompt": "negative_prompt",
    "neg_prompt": "negative_prompt",
    "cfg": "guidance",
    "steps": "steps",
    "strength": "strength",
}
"""What a model needs for a field."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A validated request for one image: its fields and files, and who makes it."""

    fields: ImagineFields
    operation: ModelOperation
    model: Model
    style: Style | None
    seed: int
    image: bytes = b""
    mask: bytes = b""

    def field(self, name: str, default: Any = None) -> Any:
        """A field, or the default where the endpoint has no such field."""
        return getattr(self.fields, name, default)

    def request(self, size: Size, **more: Any) -> ImageRequest:
        """The request with all that fields say of the image beside its size."""
        prompt = self.field("prompt", "")
        return ImageRequest(
            prompt=self.style.worded(prompt) if self.style else prompt,
            size=size,
            seed=self.seed,
            operation=self.operation,
            negative_prompt=self.field("negative_prompt", "") or self.field("neg_prompt", ""),
            guidance=self.field("cfg"),
            steps=self.field("steps"),
            **more,
        )


def check_capabilities(fields: ImagineFields, model: Model) -> None:
    """Raises InvalidRequestError for a field that the model cannot honour."""
    for name, needed in _CAPABILITIES.items():
        if getattr(fields, name, None) not in (None, "") and not getattr(model.capabilities, needed):
            raise InvalidRequestError(name, f"the model '{model.id}' does not support it; leave it out.")


def generation(asked: Asked) -> ImageRequest:
    """An image from a prompt."""
    enlarging = (name for name in ("high_res_results", "high_res_result") if asked.field(name))
    return asked.request(_table_size(asked, asked.field("aspect_ratio"), next(enlarging, None)))


def _table_size(asked: Asked, ratio: str, enlarged_by: str | None = None) -> Size:
    """The size of a ratio at 1K, or at 2K where a field asks for that."""
    size = output_size(TABLE_RATIO.get(ratio, ratio), "2K" if enlarged_by else "1K")
    if not asked.model.sizes.admit(size):
        field, came = (enlarged_by, "1") if enlarged_by else ("aspect_ratio", ratio)
        allowed = f"{asked.model.sizes}, for the model '{asked.model.id}'"
        raise InvalidFieldError(field, came=f"got '{came}', which is {size}", allowed=allowed)
    return size


def transparent_generation(asked: Asked) -> ImageRequest:
    """An image from a prompt, transparent around its subject."""
    return replace(generation(asked), background="transparent")


def edit(asked: Asked) -> ImageRequest:
    """Another image of the shape that is asked for, or of the nearest one to the image."""
    reference = _read_image(asked)
    ratio = asked.field("aspect_ratio") or nearest_aspect_ratio(reference.size)
    return asked.request(_table_size(asked, ratio), references=(reference,), strength=_strength(asked))


def _strength(asked: Asked) -> float | None:
    """How closely to keep to the image: a control says it in percent, a variation how far to leave it."""
    given: float | None = asked.field("strength")
    if given is None:
        return None
    return 1 - given if asked.operation is ModelOperation.VARIATION else given / 100


def same_image(asked: Asked) -> ImageRequest:
    """The same image, of which something changes and not its size."""
    reference = _read_image(asked)
    size = within(reference.size, asked.model.sizes)
    made = output_size(*smallest_covering(size))
    if min(size.width, size.height) >= MIN_SIDE or not asked.model.sizes.admit(made):
        return asked.request(size, references=(reference,))
    return asked.request(made, references=(reference,), delivered_as=size)


def inpainting(asked: Asked) -> ImageRequest:
    """The same image outside of a mask."""
    from imagineart.images.masks import inpaint_request

    return inpaint_request(same_image(asked), asked.mask)


def enlargement(asked: Asked) -> ImageRequest:
    """The same image, as much larger as the model may make it. Raises InvalidImageError for the largest."""
    reference = _read_image(asked)
    before, bounds = reference.size, asked.model.sizes
    wanted = Size(before.width * ENLARGED_SIDES, before.height * ENLARGED_SIDES)
    size = within(wanted, bounds)
    if size.width <= before.width:
        raise InvalidImageError("image", f"got {before}, which cannot grow; allowed: less than {size}.")
    if min(size.width, size.height) < MIN_SIDE:
        raise InvalidImageError("image", f"got {before}; allowed: {_LARGE_ENOUGH}.")
    return asked.request(size, references=(reference,))


def extension(asked: Asked) -> ImageRequest:
    """The same image with more around it, up to a ratio, or where its mask says."""
    from imagineart.images.masks import Margins, outpaint_request
    from imagineart.images.references import size_of

    ratio: str | None = asked.field("aspect_ratio")
    if asked.mask and ratio is not None:
        raise InvalidFieldError("aspect_ratio", came=f"got '{ratio}' and a mask", allowed="either")
    if asked.mask:
        return inpainting(asked)
    if ratio is None:
        raise InvalidRequestError("aspect_ratio", "the field is required without a mask.")
    reference = _read_image(asked)
    grown = _grown(reference.size, ratio)
    if grown == reference.size:
        raise InvalidFieldError("aspect_ratio", came=f"got '{ratio}', which the image has", allowed="another")
    bounded = within(grown, asked.model.sizes)
    if min(bounded.width, bounded.height) < MIN_SIDE:
        raise InvalidImageError("image", f"got {reference.size}; allowed: {_LARGE_ENOUGH}.")
    if bounded != grown:
        # A pixel less, since the sides are rounded.
        longest = max(reference.size.width, reference.size.height) * bounded.width // grown.width - 1
        reference = _read_image(asked, max_side=longest)
    kept = size_of(reference)
    size = _grown(kept, ratio)
    left, top = (size.width - kept.width) // 2, (size.height - kept.height) // 2
    margins = Margins(left, top, size.width - kept.width - left, size.height - kept.height - top)
    return outpaint_request(asked.request(size, references=(reference,)), margins)


def _read_image(asked: Asked, **options: int) -> ReferenceImage:
    # Pillow is imported at the first image only.
    from imagineart.images.references import read_reference

    return read_reference(asked.image, label="image", **options)


def within(size: Size, bounds: SizeBounds) -> Size:
    """A size, or the largest of its shape for which a model is offered."""
    shrink = min(
        1.0,
        bounds.max_width / size.width,
        bounds.max_height / size.height,
        math.sqrt(bounds.max_pixels / size.pixels),
    )
    return Size(max(1, math.floor(size.width * shrink)), max(1, math.floor(size.height * shrink)))


def _grown(size: Size, ratio: str) -> Size:
    """The smallest size of a ratio that has room for another one."""
    wide, high = map(int, ratio.split(":"))
    width, height = round(size.height * wide / high), round(size.width * high / wide)
    return Size(max(size.width, width), max(size.height, height))

"""The parameters of the image endpoints, defined once: they validate requests and describe themselves.

`GET /v1/models` and the OpenAPI document are made from the same definitions that parse the form fields,
so a description cannot promise what validation refuses. Source: ImagineArt 2.0 API reference.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from imagineart.errors import InvalidRequestError
from imagineart.images.kinds import INPUT_IMAGE_KINDS, MAX_REFERENCE_PIXELS, MAX_UPLOAD_BYTES
from imagineart.images.sizes import (
    AUTO_ASPECT_RATIO,
    EDIT_ASPECT_RATIOS,
    GENERATION_ASPECT_RATIOS,
    RESOLUTIONS,
    output_size,
)

MAX_SEED: Final = 2**63 - 1
_SHOWN_CHARACTERS: Final = 60


def shown(text: str) -> str:
    """`text` quoted for an error message, cut so that a hostile value cannot flood the answer.

    A lone surrogate, which JSON can spell and UTF-8 cannot, is spelt out.
    """
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return f"'{cut.encode(errors='backslashreplace').decode()}'"


class ScalarParameter(Protocol):
    """A parameter that one form field carries."""

    @property
    def name(self) -> str: ...

    @property
    def required(self) -> bool: ...

    def parse(self, text: str | None) -> Any:
        """The value of the field's text; None stands for an absent field."""

    def describe(self) -> dict[str, Any]:
        """The public description, as `GET /v1/models` shows it."""


@dataclass(frozen=True, slots=True)
class TextParameter:
    """A text, trimmed, whose length is counted in Unicode characters; where optional, absent is empty."""

    name: str
    description: str
    min_length: int
    max_length: int
    required: bool = True

    def parse(self, text: str | None) -> str:
        """Return the trimmed text. Raises InvalidRequestError when it is absent, too short or too long."""
        allowed = f"{self.min_length} to {self.max_length} characters"
        if text is None:
            if not self.required:
                return ""
            raise InvalidRequestError(self.name, f"the field is required ({allowed}).")
        trimmed = text.strip()
        if not self.min_length <= len(trimmed) <= self.max_length:
            raise InvalidRequestError(
                self.name, f"got {len(trimmed)} characters after trimming; allowed are {allowed}."
            )
        return trimmed

    def describe(self) -> dict[str, Any]:
        """The public description."""
        return {
            "type": "string",
            "required": self.required,
            "min_length": self.min_length,
            "max_length": self.max_length,
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class ChoiceParameter:
    """An enum; required where it has no default."""

    name: str
    description: str
    choices: tuple[str, ...]
    default: str | None

    @property
    def required(self) -> bool:
        """Whether the field must come."""
        return self.default is None

    def parse(self, text: str | None) -> str:
        """Return the choice, or the default when absent. Raises InvalidRequestError for any other text."""
        allowed = f"allowed are {', '.join(self.choices)}."
        if text is None:
            if self.default is None:
                raise InvalidRequestError(self.name, f"the field is required; {allowed}")
            return self.default
        if text not in self.choices:
            raise InvalidRequestError(self.name, f"got {shown(text)}; {allowed}")
        return text

    def describe(self) -> dict[str, Any]:
        """The public description."""
        return {
            "type": "string",
            "required": self.required,
            "enum": list(self.choices),
            **({} if self.required else {"default": self.default}),
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class SeedParameter:
    """An optional seed: absent, 0 and -1 mean "choose one at random"."""

    name: str
    description: str
    minimum: int = -1
    maximum: int = MAX_SEED
    required: bool = False

    def parse(self, text: str | None) -> int | None:
        """Return the seed, 1 to `maximum`, or None for random. Raises InvalidRequestError otherwise."""
        if text is None:
            return None
        seed = int(text) if re.fullmatch(r"-?[0-9]{1,19}", text) else None
        if seed is None or not self.minimum <= seed <= self.maximum:
            raise InvalidRequestError(
                self.name,
                f"got {shown(text)}; allowed is an integer from {self.minimum} to {self.maximum} "
                "(0 and -1 mean random).",
            )
        return seed if seed > 0 else None

    def describe(self) -> dict[str, Any]:
        """The public description."""
        return {
            "type": "integer",
            "required": False,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "default": -1,
            "random": [-1, 0],
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class IntegerParameter:
    """An integer; required where it has no default."""

    name: str
    description: str
    minimum: int
    maximum: int
    default: int | None = None

    @property
    def required(self) -> bool:
        """Whether the field must come."""
        return self.default is None

    def parse(self, text: str | None) -> int:
        """Return the integer, or the default when absent. Raises InvalidRequestError for anything else."""
        allowed = f"allowed is an integer from {self.minimum} to {self.maximum}."
        if text is None:
            if self.default is not None:
                return self.default
            raise InvalidRequestError(self.name, f"the field is required; {allowed}")
        number = int(text) if re.fullmatch(r"[0-9]{1,19}", text) else None
        if number is None or not self.minimum <= number <= self.maximum:
            raise InvalidRequestError(self.name, f"got {shown(text)}; {allowed}")
        return number

    def describe(self) -> dict[str, Any]:
        """The public description."""
        return {
            "type": "integer",
            "required": self.required,
            "minimum": self.minimum,
            "maximum": self.maximum,
            **({} if self.required else {"default": self.default}),
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class FixedParameter:
    """A parameter of which one value alone has no effect, its default; any other is refused, not ignored."""

    name: str
    description: str
    value: str | int | bool
    required: bool = False

    def parse(self, text: str | None) -> None:
        """Raises InvalidRequestError for another text than the value's JSON form."""
        allowed = self.value if isinstance(self.value, str) else json.dumps(self.value)
        if text not in (None, allowed):
            raise InvalidRequestError(self.name, f"got {shown(text)}; allowed is {allowed} alone.")

    def describe(self) -> dict[str, Any]:
        """The public description."""
        return {
            "type": {str: "string", int: "integer", bool: "boolean"}[type(self.value)],
            "required": False,
            "enum": [self.value],
            "default": self.value,
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class FilesParameter:
    """A required list of files, or of ids of uploads, repeated under one field name or its synonyms."""

    name: str
    description: str
    min_items: int
    max_items: int
    synonyms: tuple[str, ...] = ()

    def check_count(self, count: int) -> None:
        """Raises InvalidRequestError when `count` files are too few or too many."""
        allowed = f"{self.min_items} to {self.max_items} files"
        if count < self.min_items:
            raise InvalidRequestError(self.name, f"the field is required ({allowed}); got none.")
        if count > self.max_items:
            raise InvalidRequestError(self.name, f"got {count} files; allowed are {allowed}.")

    def describe(self) -> dict[str, Any]:
        """The public description."""
        return {
            "type": "file[]",
            "required": True,
            "min_items": self.min_items,
            "max_items": self.max_items,
            "media_types": [kind.media_type for kind in INPUT_IMAGE_KINDS],
            "max_pixels": MAX_REFERENCE_PIXELS,
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class EndpointParameters:
    """All parameters of one image endpoint.

    `refusals` gives, for names that callers may know from elsewhere, what to do in their place.
    """

    scalars: tuple[ScalarParameter, ...]
    files: FilesParameter | None
    refusals: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The field names the endpoint accepts, in the reference's order, synonyms last."""
        return (*self.describe(), *(self.files.synonyms if self.files else ()))

    @property
    def file_names(self) -> tuple[str, ...]:
        """Those of the names under which files come."""
        return (self.files.name, *self.files.synonyms) if self.files else ()

    def parse_scalars(self, fields: Mapping[str, str]) -> dict[str, Any]:
        """The value of every scalar parameter, by name. Raises InvalidRequestError for the first bad one."""
        return {parameter.name: parameter.parse(fields.get(parameter.name)) for parameter in self.scalars}

    def describe(self) -> dict[str, dict[str, Any]]:
        """The public description of every parameter, by name, in the reference's order."""
        first, *rest = self.scalars
        files = {self.files.name: self.files.describe()} if self.files else {}
        return {first.name: first.describe()} | files | {each.name: each.describe() for each in rest}


@dataclass(frozen=True, slots=True)
class ResolutionParameter(ChoiceParameter):
    """The resolution; its description carries the pixel size of every ratio."""

    aspect_ratios: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """The public description, with pixels as ``sizes[resolution][ratio] = {"width", "height"}``."""
        return ChoiceParameter.describe(self) | {
            "sizes": {
                resolution: {
                    ratio: {"width": size.width, "height": size.height}
                    for ratio in self.aspect_ratios
                    for size in [output_size(ratio, resolution)]
                }
                for resolution in self.choices
            }
        }


def _resolution(aspect_ratios: tuple[str, ...]) -> ResolutionParameter:
    return ResolutionParameter(
        name="resolution",
        description="Output resolution: 1K is faster, 2K has higher fidelity. `sizes` gives exact pixels.",
        choices=RESOLUTIONS,
        default="2K",
        aspect_ratios=aspect_ratios,
    )


_SEED: Final = SeedParameter(
    name="seed",
    description="Deterministic seed. 0, -1 or absent chooses one at random in the unsigned 32-bit range; "
    "the answer's X-Seed header tells which.",
)

GENERATION_PARAMETERS: Final = EndpointParameters(
    scalars=(
        TextParameter("prompt", "Text prompt describing the desired image.", min_length=1, max_length=4000),
        ChoiceParameter("aspect_ratio", "Output aspect ratio.", GENERATION_ASPECT_RATIOS, default="1:1"),
        _resolution(GENERATION_ASPECT_RATIOS),
        _SEED,
        ChoiceParameter(
            "reasoning",
            "Visual reasoning level: low is faster, high gives richer compositions.",
            ("low", "high"),
            default="low",
        ),
    ),
    files=None,
)

IMAGES: Final = FilesParameter(
    "images",
    "Reference images, in order: files, or ids from POST /v1/uploads. Kind is told by content.",
    min_items=1,
    max_items=4,
)

EDIT_PARAMETERS: Final = EndpointParameters(
    scalars=(
        TextParameter("prompt", "Editing instruction.", min_length=1, max_length=4000),
        ChoiceParameter(
            "aspect_ratio",
            "Output aspect ratio. auto takes the listed ratio nearest to the first reference image.",
            (AUTO_ASPECT_RATIO, *EDIT_ASPECT_RATIOS),
            default=AUTO_ASPECT_RATIO,
        ),
        _resolution(EDIT_ASPECT_RATIOS),
        _SEED,
    ),
    files=IMAGES,
)

UPLOAD_PARAMETERS: Final = EndpointParameters(
    scalars=(
        ChoiceParameter(
            "content_type",
            "Media type of the image, which the upload has to declare.",
            tuple(kind.media_type for kind in INPUT_IMAGE_KINDS),
            default=None,
        ),
        IntegerParameter("size", "Size of the image in bytes, exactly.", minimum=1, maximum=MAX_UPLOAD_BYTES),
    ),
    files=None,
)

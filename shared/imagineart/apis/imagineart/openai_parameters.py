"""The image parameters of OpenAI's API that have a meaning here, and their translation to the reference's.

Whatever could only be ignored is refused, save where its value asks for what happens anyway. Source:
https://platform.openai.com/docs/api-reference/images and the types of the PyPI package openai 3.52.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from imagineart.models.catalogue import EDIT_MODEL, GENERATION_MODEL, Model
from imagineart.errors import InvalidRequestError
from imagineart.images.model import SeriesRequest
from imagineart.apis.imagineart.parameters import (
    IMAGES,
    MAX_SEED,
    ChoiceParameter,
    EndpointParameters,
    FixedParameter,
    IntegerParameter,
    ScalarParameter,
    TextParameter,
)
from imagineart.images.sizes import (
    AUTO_ASPECT_RATIO,
    EDIT_ASPECT_RATIOS,
    GENERATION_ASPECT_RATIOS,
    RESOLUTIONS,
    Size,
    nearest_aspect_ratio,
    output_size,
)

MAX_COUNT: Final = 4
AUTO: Final = "auto"

FOREIGN_SIZES: Final = (
    Size(1536, 1024), Size(1024, 1536), Size(1792, 1024), Size(1024, 1792), Size(512, 512), Size(256, 256),
)  # fmt: skip
"""The sizes that OpenAI's clients name and the size table lacks."""

_MAX_USER_CHARACTERS: Final = 512


def _shared_scalars(model: Model, aspect_ratios: tuple[str, ...]) -> tuple[ScalarParameter, ...]:
    sizes = tuple(
        str(output_size(ratio, resolution)) for resolution in RESOLUTIONS for ratio in aspect_ratios
    )
    users = (
        TextParameter(name, "Taken, and neither used nor kept.", 0, _MAX_USER_CHARACTERS, required=False)
        for name in ("user", "safety_identifier")
    )
    return (
        *model.parameters.scalars,
        ChoiceParameter("model", "The model of this endpoint.", (model.id,), default=model.id),
        IntegerParameter(
            "n", "How many pictures, with the seeds seed, seed + 1 and so on.", 1, MAX_COUNT, default=1
        ),
        ChoiceParameter(
            "size",
            "Output size in pixels, in place of aspect_ratio and resolution; auto leaves it to those.",
            (AUTO, *sizes, *map(str, FOREIGN_SIZES)),
            default=AUTO,
        ),
        FixedParameter("response_format", "Pictures come in the answer.", "b64_json"),
        FixedParameter("output_format", "Pictures are PNGs.", "png"),
        FixedParameter("output_compression", "PNGs are not reduced.", 100),
        FixedParameter("background", "The model chooses.", AUTO),
        FixedParameter("moderation", "The backend's own.", AUTO),
        FixedParameter("stream", "No events are sent.", False),
        FixedParameter("partial_images", "Pictures are sent when they are finished.", 0),
        *users,
    )


_REFUSALS: Final = (
    ("style", "is not supported; describe the style in the prompt."),
    ("complexity", "is not supported; send reasoning."),
    ("svg", "is not supported; pictures are PNGs."),
    ("frame_count", "is not supported; pictures do not move."),
    ("frame_duration_ms", "is not supported; pictures do not move."),
)
_EDIT_REFUSALS: Final = (
    ("mask", "is not supported; say in the prompt which part to change."),
    ("markup", "is not supported; say in the prompt which part to change."),
    ("reasoning", "is not supported; the model of this endpoint has none."),
)

OPENAI_GENERATION_PARAMETERS: Final = EndpointParameters(
    scalars=(
        *_shared_scalars(GENERATION_MODEL, GENERATION_ASPECT_RATIOS),
        ChoiceParameter(
            "quality",
            "Stands for reasoning: high for high, low and medium for low; auto leaves it to that.",
            (AUTO, "low", "medium", "high"),
            default=AUTO,
        ),
    ),
    files=None,
    refusals=_REFUSALS,
)


OPENAI_EDIT_PARAMETERS: Final = EndpointParameters(
    scalars=(
        *_shared_scalars(EDIT_MODEL, EDIT_ASPECT_RATIOS),
        FixedParameter("quality", "The model has one.", AUTO),
        FixedParameter("input_fidelity", "The model chooses.", "low"),
    ),
    files=replace(IMAGES, synonyms=("image", "image[]")),
    refusals=(*_REFUSALS, *_EDIT_REFUSALS),
)


def read_series(parameters: EndpointParameters, fields: Mapping[str, str]) -> SeriesRequest:
    """What `fields` ask for, which are of `parameters`, said in the fields of the API reference.

    Raises InvalidRequestError for the first bad field, and where two fields contradict each other.
    """
    values = parameters.parse_scalars(fields)
    own = {name: text for name, text in fields.items() if name in GENERATION_MODEL.parameters.names}
    _require_seeds(values["seed"], values["n"])
    reasoning = _reasoning(values.get("quality"))
    if reasoning:
        _require_same(values["quality"], reasoning, own)
        own["reasoning"] = reasoning
    if values["size"] == AUTO:
        return SeriesRequest(own, count=values["n"])
    size = _parse_size(values["size"])
    _require_agreement(size, own, values)
    table_size = _smallest_covering(size)
    own |= {"aspect_ratio": table_size[0], "resolution": table_size[1]}
    delivered_as = None if output_size(*table_size) == size else size
    return SeriesRequest(own, delivered_as, values["n"])


def _require_seeds(seed: int | None, count: int) -> None:
    if seed is not None and seed > MAX_SEED - count + 1:
        raise InvalidRequestError(
            "seed",
            f"got '{seed}' with n = {count}, so that the last seed is too large; allowed is an integer up to "
            f"{MAX_SEED - count + 1}.",
        )


def _reasoning(quality: str | None) -> str | None:
    """What a quality asks for, or None where it asks for nothing."""
    if quality in (None, AUTO):
        return None
    return "high" if quality == "high" else "low"


def _require_same(quality: str, reasoning: str, own: Mapping[str, str]) -> None:
    if own.get("reasoning", reasoning) != reasoning:
        raise InvalidRequestError(
            "quality",
            f"got '{quality}', which contradicts reasoning '{own['reasoning']}'; allowed is either alone.",
        )


def _require_agreement(size: Size, own: Mapping[str, str], values: Mapping[str, Any]) -> None:
    """Raises InvalidRequestError where an aspect ratio or a resolution that came is not the size's."""
    ratio = own.get("aspect_ratio", AUTO_ASPECT_RATIO)
    if ratio != AUTO_ASPECT_RATIO:
        width, height = map(int, ratio.split(":"))
        if size.width * height != size.height * width:
            raise _contradiction(size, "aspect_ratio", ratio)
    if "resolution" in own:
        resolution: str = values["resolution"]
        if output_size(nearest_aspect_ratio(size, GENERATION_ASPECT_RATIOS), resolution) != size:
            raise _contradiction(size, "resolution", resolution)


def _contradiction(size: Size, name: str, text: str) -> InvalidRequestError:
    return InvalidRequestError(
        "size",
        f"got '{size}', which contradicts {name} '{text}'; allowed is size alone, or aspect_ratio and "
        "resolution without it.",
    )


def _smallest_covering(size: Size) -> tuple[str, str]:
    """The aspect ratio nearest to a size, and the lower resolution that has as many pixels both ways."""
    ratio = nearest_aspect_ratio(size, GENERATION_ASPECT_RATIOS)
    for resolution in RESOLUTIONS[:-1]:
        candidate = output_size(ratio, resolution)
        if candidate.width >= size.width and candidate.height >= size.height:
            return ratio, resolution
    return ratio, RESOLUTIONS[-1]


def _parse_size(text: str) -> Size:
    width, _, height = text.partition("x")
    return Size(int(width), int(height))

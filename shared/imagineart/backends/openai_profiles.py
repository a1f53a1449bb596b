"""What servers of the OpenAI-compatible images protocol differ in.

Sources: https://docs.vllm.ai/projects/vllm-omni/en/stable/serving/image_generation_api/ and image_edit_api/,
https://docs.sglang.io/diffusion/api/openai_api.html, https://platform.openai.com/docs/api-reference/images
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from imagineart.images.sizes import Size

HIGH_REASONING_STEPS: Final = 50
"""Denoising steps for ``reasoning=high``; ``low`` leaves the model its own default."""

_OPENAI_STEP: Final = 16
_OPENAI_MAX_EDGE: Final = 3840
_OPENAI_MAX_RATIO: Final = 3
_OPENAI_MIN_PIXELS: Final = 655_360
_OPENAI_MAX_PIXELS: Final = 8_294_400


@dataclass(frozen=True, slots=True)
class OpenAiProfile:
    """One kind of server.

    `image_field` is the name of each reference's part. `constants` are sent with every request, and
    `reasoning` gives the fields that ask for ``low`` and ``high``. `choose_size` gives the size to ask for so
    that the requested one can be cut out of it. `has_formats` is whether the server knows `output_format` and
    `output_compression`, which is a quality from 0 to 100; `has_guidance`, whether it knows `negative_prompt`
    and `guidance_scale`; `has_openai_fields`, whether it knows `background`, `moderation`, `input_fidelity`,
    `stream` and `partial_images`. `mask_field` is the name of a mask's part, where the server takes one, and
    `has_alpha_masks`, whether a mask is transparent where the image is repainted, or white.
    """

    has_seed: bool
    has_formats: bool
    has_guidance: bool
    image_field: str
    constants: Mapping[str, str]
    reasoning: Mapping[str, Mapping[str, Any]]
    choose_size: Callable[[Size], Size]
    has_openai_fields: bool = False
    mask_field: str | None = None
    has_alpha_masks: bool = False


def _as_requested(size: Size) -> Size:
    return size


def openai_size(size: Size) -> Size:
    """The smallest size of OpenAI's that has room for the shape of `size`, and for its pixels where allowed.

    Edges are multiples of 16 and at most 3840, the ratio is at most 3:1, and the pixels are from 655,360 to
    8,294,400. Source: https://platform.openai.com/docs/guides/image-generation
    """
    long = float(max(size.width, size.height))
    short = max(min(size.width, size.height), long / _OPENAI_MAX_RATIO)
    scale = max(1.0, math.sqrt(_OPENAI_MIN_PIXELS / (long * short)))
    scale = min(scale, _OPENAI_MAX_EDGE / long, math.sqrt(_OPENAI_MAX_PIXELS / (long * short)))
    edges = _round_up(long * scale), _round_up(short * scale)
    return Size(*edges) if size.width >= size.height else Size(*reversed(edges))


def _round_up(edge: float) -> int:
    return math.ceil(round(edge, 6) / _OPENAI_STEP) * _OPENAI_STEP


_STEPS: Final[Mapping[str, Mapping[str, Any]]] = {
    "low": {},
    "high": {"num_inference_steps": HIGH_REASONING_STEPS},
}

PROFILES: Final[Mapping[str, OpenAiProfile]] = {
    "openai": OpenAiProfile(
        has_seed=False,
        has_formats=True,
        has_guidance=False,
        image_field="image[]",
        constants={},
        reasoning={"low": {"quality": "medium"}, "high": {"quality": "high"}},
        choose_size=openai_size,
        has_openai_fields=True,
        mask_field="mask",
        has_alpha_masks=True,
    ),
    "vllm-omni": OpenAiProfile(
        has_seed=True,
        has_formats=False,
        has_guidance=True,
        image_field="image",
        constants={"response_format": "b64_json"},
        reasoning=_STEPS,
        choose_size=_as_requested,
        mask_field="mask_image",
    ),
    "sglang": OpenAiProfile(
        has_seed=True,
        has_formats=True,
        has_guidance=True,
        image_field="image",
        constants={"response_format": "b64_json"},
        reasoning=_STEPS,
        choose_size=_as_requested,
    ),
    "openai-compatible": OpenAiProfile(
        has_seed=True,
        has_formats=False,
        has_guidance=False,
        image_field="image",
        constants={"response_format": "b64_json"},
        reasoning={"low": {"reasoning": "low"}, "high": {"reasoning": "high"}},
        choose_size=_as_requested,
        mask_field="mask",
        has_alpha_masks=True,
    ),
}
"""By the name that settings use; the last is for any other server, which reads or ignores `reasoning`."""

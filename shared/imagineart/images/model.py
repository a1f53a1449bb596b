"""What a caller asks for, and the image that is delivered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from imagineart.images.kinds import PNG, ImageKind
from imagineart.images.operations import ModelOperation
from imagineart.images.sizes import Size


@dataclass(frozen=True, slots=True)
class ReferenceImage:
    """A reference image ready for a backend: upright, 8-bit sRGB, without metadata.

    `size` is in pixels after orientation and before any reduction; it decides the ``auto`` aspect ratio.
    """

    content: bytes
    kind: ImageKind
    size: Size


DEFAULT_QUALITY: Final = 95
"""Of a JPEG or WebP: without visible loss, at half the size of 100."""


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """The file format of a delivered image: PNG, JPEG or WebP.

    `quality` is from 1 to 100, for JPEG and WebP; a PNG loses nothing.
    """

    kind: ImageKind = PNG
    quality: int = DEFAULT_QUALITY


AS_PNG: Final = OutputFormat()


Background: TypeAlias = Literal["auto", "opaque", "transparent"]
"""What is behind the subject: what the model chooses, no transparency at all, or some."""


@dataclass(frozen=True, slots=True)
class Watermark:
    """Text, or where there is none an image, on top of each image.

    `place` is ``tiled``, or where it is, as ``bottom-right``. `opacity` is up to 1. Colours are as ``#fa0``;
    an empty `background` is none.
    """

    text: str = ""
    image: bytes = b""
    place: str = "bottom-right"
    opacity: float = 0.5
    colour: str = "#ffffff"
    background: str = ""


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """`count` images from a prompt, and from `references` where it has any.

    `size` is one of the size table and is what a backend is asked for. The image is scaled and cropped to
    `delivered_as` where that is given, and gets the watermark. The images have the seeds `seed`, `seed + 1`
    and so on. Where the request `checks_content`, it is known of each image whether it is unsafe.

    `negative_prompt` says what to avoid, `guidance` how closely to follow the prompt, and `lora_weight` how
    much the model's LoRA counts; None leaves it to the model. `background`, `moderation` and `input_fidelity`
    are OpenAI's. All of them are for models with the capability. Of each image, up to `partial_images` are of
    use before it is finished.

    With a `mask`, a PNG in black and white of the size of the request and of its one reference, only what is
    white there is made anew. `strength`, from 0 to 1, is how closely a control keeps to its reference; None
    leaves it to the backend.
    """

    prompt: str
    size: Size
    seed: int
    references: tuple[ReferenceImage, ...] = ()
    reasoning: str = "low"
    delivered_as: Size | None = None
    count: int = 1
    output_format: OutputFormat = AS_PNG
    watermark: Watermark | None = None
    checks_content: bool = False
    negative_prompt: str = ""
    guidance: float | None = None
    lora_weight: float | None = None
    background: Background = "auto"
    moderation: str = "auto"
    input_fidelity: str = "low"
    partial_images: int = 0
    operation: ModelOperation = ModelOperation.GENERATE
    mask: bytes | None = None
    strength: float | None = None

    @property
    def delivered_size(self) -> Size:
        """The size that the caller gets."""
        return self.delivered_as or self.size

    @property
    def media_type(self) -> str:
        """The media type of each image."""
        return self.output_format.kind.media_type

    def series(self) -> Sequence["ImageRequest"]:
        """A request of one image for each of the `count`, in the order of their seeds."""
        return [replace(self, seed=self.seed + position, count=1) for position in range(self.count)]


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """The tokens that an image cost, as OpenAI counts them.

    Source: https://platform.openai.com/docs/api-reference/images/object
    """

    input_text_tokens: int
    input_image_tokens: int
    output_tokens: int

    @property
    def input_tokens(self) -> int:
        """The tokens of the prompt and of the references."""
        return self.input_text_tokens + self.input_image_tokens

    @property
    def total_tokens(self) -> int:
        """All tokens."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "TokenUsage") -> "TokenUsage":
        return TokenUsage(
            self.input_text_tokens + other.input_text_tokens,
            self.input_image_tokens + other.input_image_tokens,
            self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, slots=True)
class Image:
    """A finished image: a clean file of exactly `size` in the format that was asked for.

    `seed` is None where the model that made it has no seed. `backend` is the name of the route that made it,
    and `backend_seconds` the time that took, failed routes included. `usage` is None where the backend does
    not report it.
    """

    content: bytes
    size: Size
    seed: int | None
    backend: str
    backend_seconds: float
    usage: TokenUsage | None = None
    kind: ImageKind = PNG

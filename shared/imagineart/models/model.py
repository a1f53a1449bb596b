"""The models document: which models there are, what they can do and cost, and who makes them.

It holds no keys. An operator changes it without a deployment (docs/decisions/0008).
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from imagineart.images.operations import ModelOperation
from imagineart.images.sizes import Size
from imagineart.models.routes import (
    AnyRoute,
    AudioRoute,
    TextRoute,
    Value,
    VideoRoute,
    VoiceRoute,
    Word,
)

OFFERED_SINCE: Final = 1_795_219_200
"""When this API began to offer its models, in Unix seconds: 2026-11-21."""

OWNER: Final = "imagineart"

ModelId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
Alias: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,126}$")]
Text: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=100)]
PROMPT_PLACE: Final = "{prompt}"
"""Where a style has the words of the caller."""


def _with_place(text: str) -> str:
    if text.count(PROMPT_PLACE) != 1:
        raise ValueError(f"got no {PROMPT_PLACE}, or several; allowed: text with one {PROMPT_PLACE}")
    return text


StylePrompt: TypeAlias = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_with_place)]
Resolution: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\d{1,2}(\.\d)?K$")]
VideoSize: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[1-9]\d{1,3}x[1-9]\d{1,3}$")]
"""As ``1280x720``."""


class SizeBounds(Value):
    """The largest images that a model is offered for, in pixels."""

    max_width: int = Field(ge=64)
    max_height: int = Field(ge=64)
    max_pixels: int = Field(ge=64 * 64)

    def admit(self, size: Size) -> bool:
        """Whether an image of this size is offered."""
        return (
            size.width <= self.max_width and size.height <= self.max_height and size.pixels <= self.max_pixels
        )

    def __str__(self) -> str:
        return f"up to {self.max_width}x{self.max_height} and {self.max_pixels:,} pixels in all"


class Capabilities(Value):
    """What requests of a model may ask for; `references` is the most images that an edit may have.

    `strength` is how closely a control, or a variation, keeps to its reference. The last three before
    `references` are OpenAI's: a transparent background, milder moderation, and more fidelity to references.
    """

    seed: bool = False
    negative_prompt: bool = False
    guidance: bool = False
    steps: bool = False
    strength: bool = False
    lora: bool = False
    transparency: bool = False
    moderation: bool = False
    input_fidelity: bool = False
    references: int = Field(0, ge=0)


class OfferedModel(Value):
    """What every model has. `aliases` are names that callers may use in place of the id.

    `description` may be shown beside the name. `credits` is what a generation costs an account, where that is
    not what every one of its type costs.
    """

    id: ModelId
    name: Text
    description: Annotated[str, StringConstraints(max_length=500)] = ""
    aliases: tuple[Alias, ...] = ()
    typical_seconds: float = Field(gt=0)
    credits: int | None = Field(None, ge=1, le=1_000_000)

    def answers_to(self, name: str) -> bool:
        """Whether a caller may call the model so."""
        return name == self.id or name in self.aliases


class Model(OfferedModel):
    """A model of images, and the backends that make them, in the order in which they are tried.

    `modality` is the API reference's word for what it makes of what. `prices` are in USD an image, by
    resolution.
    """

    kind: Literal["image"]
    modality: Text
    operations: tuple[ModelOperation, ...] = Field(min_length=1)
    sizes: SizeBounds
    capabilities: Capabilities
    prices: dict[Resolution, Annotated[Decimal, Field(ge=0)]] = Field(default_factory=dict)
    backends: tuple[AnyRoute, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_references(self) -> Self:
        needy = next((each for each in self.operations if each is not ModelOperation.GENERATE), None)
        if needy and not self.capabilities.references:
            raise ValueError(f"got {needy} in operations and no capabilities.references; allowed: 1 or more")
        return self


class TextModel(OfferedModel):
    """A model that writes text of up to `max_tokens` from a prompt."""

    kind: Literal["text"]
    max_characters: int = Field(10_000, ge=1, le=20_000)
    max_tokens: int = Field(4_096, ge=1, le=16_384)
    backends: tuple[TextRoute, ...] = Field(min_length=1)


class VoiceModel(OfferedModel):
    """A model that reads a prompt aloud in one of its `voices`, by default the first."""

    kind: Literal["voice"]
    max_characters: int = Field(3_000, ge=1, le=4_096)
    voices: tuple[Word, ...] = Field(min_length=1)
    backends: tuple[VoiceRoute, ...] = Field(min_length=1)


class MusicModel(OfferedModel):
    """A model that makes up to `max_seconds` of music from a prompt."""

    kind: Literal["music"]
    max_characters: int = Field(3_000, ge=1, le=10_000)
    max_seconds: int = Field(47, ge=1, le=300)
    backends: tuple[AudioRoute, ...] = Field(min_length=1)


class VideoModel(OfferedModel):
    """A model that makes a video from a prompt; of `seconds` and `sizes`, the first is the default."""

    kind: Literal["video"]
    max_characters: int = Field(3_000, ge=1, le=10_000)
    seconds: tuple[Annotated[int, Field(ge=1, le=60)], ...] = Field(min_length=1)
    sizes: tuple[VideoSize, ...] = Field(min_length=1)
    backends: tuple[VideoRoute, ...] = Field(min_length=1)


MediaModel: TypeAlias = TextModel | VoiceModel | MusicModel | VideoModel
AnyModel: TypeAlias = Annotated[Model | MediaModel, Field(discriminator="kind")]

MODELS_BY_KIND: Final[Mapping[str, type[OfferedModel]]] = {
    "image": Model,
    "text": TextModel,
    "voice": VoiceModel,
    "music": MusicModel,
    "video": VideoModel,
}


class Style(Value):
    """A look that callers choose by one of its `names`; `prompt` puts it into words around the caller's own.

    It is made by the first of `models` that has the operation; where it names none, by the first of all.
    """

    names: tuple[Alias, ...] = Field(min_length=1)
    prompt: StylePrompt = PROMPT_PLACE
    models: tuple[ModelId, ...] = ()

    def worded(self, prompt: str) -> str:
        """The prompt that asks for this look."""
        return self.prompt.replace(PROMPT_PLACE, prompt)


class ModelsDocument(Value):
    """All models; of those that have an operation, the first is the one where a request names none.

    A document without `styles` has those of the package.
    """

    model_config = ConfigDict(defer_build=False)

    models: tuple[AnyModel, ...] = Field(min_length=1)
    styles: tuple[Style, ...] = ()

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        ids = Counter(model.id for model in self.models)
        names = Counter(
            (name, use)
            for model in self.models
            for use in (model.operations if isinstance(model, Model) else (model.kind,))
            for name in dict.fromkeys((model.id, *model.aliases))
        )
        for taken in (
            *(id for id, count in ids.items() if count > 1),
            *(name for (name, _), count in names.items() if count > 1),
        ):
            raise ValueError(
                f"got '{taken}' for more than one model; allowed: a name for each operation once"
            )
        return self

    @model_validator(mode="after")
    def _check_styles(self) -> Self:
        names = Counter(name for style in self.styles for name in style.names)
        for taken in (name for name, count in names.items() if count > 1):
            raise ValueError(f"got the style '{taken}' more than once; allowed: each name once")
        for unknown in (id for style in self.styles for id in style.models if id not in self.ids):
            raise ValueError(f"got the model '{unknown}' in a style; allowed: {', '.join(self.ids)}")
        return self

    @property
    def ids(self) -> tuple[str, ...]:
        """The id of every model."""
        return tuple(model.id for model in self.models)

    @property
    def background_remover(self) -> Model | None:
        """The model that makes images transparent whose own model makes no transparency."""
        return next(iter(self.serving(ModelOperation.REMOVE_BACKGROUND)), None)

    @property
    def image_models(self) -> tuple[Model, ...]:
        """The models of images."""
        return tuple(model for model in self.models if isinstance(model, Model))

    @property
    def media_models(self) -> tuple[MediaModel, ...]:
        """The models of everything else."""
        return tuple(model for model in self.models if not isinstance(model, Model))

    def serving(self, operation: ModelOperation | None) -> tuple[Model, ...]:
        """The models that have an operation."""
        return tuple(model for model in self.image_models if operation in model.operations)

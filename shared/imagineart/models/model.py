"""The models document: which models there are, what they can do and cost, and who makes them.

It holds no keys. An operator changes it without a deployment (docs/decisions/0008).
"""

from collections import Counter
from decimal import Decimal
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from imagineart.images.operations import ModelOperation
from imagineart.images.sizes import Size
from imagineart.models.routes import AnyRoute, Value

OFFERED_SINCE: Final = 1_795_219_200
"""When this API began to offer its models, in Unix seconds: 2026-11-21."""

OWNER: Final = "imagineart"

ModelId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
Alias: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,126}$")]
Text: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Resolution: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\d{1,2}(\.\d)?K$")]


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

    The last three before it are OpenAI's: a transparent background, milder moderation, and more fidelity to
    references.
    """

    seed: bool = False
    negative_prompt: bool = False
    guidance: bool = False
    lora: bool = False
    transparency: bool = False
    moderation: bool = False
    input_fidelity: bool = False
    references: int = Field(0, ge=0)


class Model(Value):
    """A public model, and the backends that make its images, in the order in which they are tried.

    `modality` is the API reference's word for what it makes of what. `aliases` are names that callers may use
    in place of the id. `description` may be shown beside the name. `prices` are in USD an image, by
    resolution; `credits` is what an account pays for one, where that is not what every image costs.
    """

    id: ModelId
    name: Text
    description: Annotated[str, StringConstraints(max_length=500)] = ""
    kind: Literal["image"]
    modality: Text
    operations: tuple[ModelOperation, ...] = Field(min_length=1)
    aliases: tuple[Alias, ...] = ()
    sizes: SizeBounds
    capabilities: Capabilities
    prices: dict[Resolution, Annotated[Decimal, Field(ge=0)]] = Field(default_factory=dict)
    credits: int | None = Field(None, ge=1, le=1_000_000)
    typical_seconds: float = Field(gt=0)
    backends: tuple[AnyRoute, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_references(self) -> Self:
        needy = next((each for each in self.operations if each is not ModelOperation.GENERATE), None)
        if needy and not self.capabilities.references:
            raise ValueError(f"got {needy} in operations and no capabilities.references; allowed: 1 or more")
        return self

    def answers_to(self, name: str) -> bool:
        """Whether a caller may call the model so."""
        return name == self.id or name in self.aliases


class ModelsDocument(Value):
    """All models; of those that have an operation, the first is the one where a request names none."""

    models: tuple[Model, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        ids = Counter(model.id for model in self.models)
        names = Counter(
            (name, operation)
            for model in self.models
            for operation in model.operations
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

    @property
    def ids(self) -> tuple[str, ...]:
        """The id of every model."""
        return tuple(model.id for model in self.models)

    def serving(self, operation: ModelOperation | None) -> tuple[Model, ...]:
        """The models that have an operation."""
        return tuple(model for model in self.models if operation in model.operations)

"""The tasks and their fields.

Source: Runware's reference of the model ``imagineart:2.0@0``, and its schema of 2026-09-22.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from pydantic import Field

from imagineart.apis.runware.reading import Colour, Fields, Number, Task, WholeNumber
from imagineart.outbound.addresses import MAX_URL_CHARACTERS
from imagineart.results.model import MAX_RESULT_LIFE_SECONDS, MIN_RESULT_LIFE_SECONDS

MAX_SEED: Final = 2**63 - 1


class Safety(Fields):
    """Whether the content of the images is checked; `mode` decides where both are given."""

    check_content: bool = False
    mode: Literal["none", "fast"] | None = None

    @property
    def is_on(self) -> bool:
        """Whether it is checked."""
        return self.check_content if self.mode is None else self.mode == "fast"


class Inputs(Fields):
    """What an edit begins with: UUIDs, URLs, data URIs or images in base64."""

    reference_images: list[str] = Field(min_length=1, max_length=4)


class Settings(Fields):
    """How the model works."""

    thinking_level: Literal["high", "low"] = "high"


class Watermark(Fields):
    """Text or an image on top of each image."""

    text: str | None = Field(None, min_length=2, max_length=32)
    image: str | None = None
    display_position: Literal[
        "top-left", "top-center", "top-right", "center-left", "center-center", "center-right", "bottom-left",
        "bottom-center", "bottom-right", "tiled",
    ] = "bottom-right"  # fmt: skip
    opacity: Number = Field(0.5, ge=0.1, le=1)
    font_color: Colour = "#ffffff"
    bg_color: Colour | None = None


class AdvancedFeatures(Fields):
    """What happens to an image after it was made."""

    watermark: Watermark | None = None


OutputType: TypeAlias = Literal["URL", "base64Data", "dataURI"]


@dataclass(frozen=True, slots=True)
class ShownTask:
    """What the results of a task are made of, beside the images."""

    task_uuid: str
    model: str
    output_type: OutputType
    include_cost: bool


class ImageInference(Task):
    """Images of a prompt, and of references where there are any. Its URLs are secrets."""

    task_type: Literal["imageInference"]
    output_type: OutputType = "URL"
    webhook_url: str | None = Field(None, max_length=MAX_URL_CHARACTERS, repr=False)
    upload_endpoint: str | None = Field(None, max_length=MAX_URL_CHARACTERS, repr=False)
    output_format: Literal["JPG", "PNG", "WEBP"] = "JPG"
    output_quality: WholeNumber = Field(95, ge=20, le=99)
    delivery_method: Literal["sync", "async"] = "sync"
    safety: Safety = Safety()
    check_nsfw: bool = Field(False, alias="checkNSFW")
    ttl: WholeNumber | None = Field(None, ge=MIN_RESULT_LIFE_SECONDS, le=MAX_RESULT_LIFE_SECONDS)
    include_cost: bool = False
    number_results: WholeNumber = Field(1, ge=1, le=20)
    model: str = Field(min_length=1, max_length=127)
    positive_prompt: str = Field(min_length=2, max_length=3000)
    width: WholeNumber | None = Field(None, ge=64, le=4096)
    height: WholeNumber | None = Field(None, ge=64, le=4096)
    resolution: Literal["1.5K"] | None = None
    seed: WholeNumber | None = Field(None, ge=0, le=MAX_SEED)
    inputs: Inputs | None = None
    settings: Settings | None = None
    advanced_features: AdvancedFeatures | None = None

    @property
    def references(self) -> list[str]:
        """The reference images as they came."""
        return self.inputs.reference_images if self.inputs else []

    @property
    def wants_job(self) -> bool:
        """Whether it is acknowledged at once, and its images are made later."""
        return self.delivery_method == "async" or self.webhook_url is not None

    def shown(self) -> ShownTask:
        """What its results are made of."""
        return ShownTask(self.task_uuid, self.model, self.output_type, self.include_cost)

    @property
    def checks_content(self) -> bool:
        """Whether the images are checked."""
        return self.safety.is_on or self.check_nsfw


class GetResponse(Task):
    """The results of an earlier task."""

    task_type: Literal["getResponse"]


class GetTaskDetails(Task):
    """What an earlier task asked for, and its results."""

    task_type: Literal["getTaskDetails"]


class ImageUpload(Task):
    """An image to be kept."""

    task_type: Literal["imageUpload"]
    image: str = Field(min_length=1)


class MediaStorage(Task):
    """An image to be kept, or the UUID of one to be deleted."""

    task_type: Literal["mediaStorage"]
    operation: Literal["upload", "delete"]
    media: str = Field(min_length=1)


class AccountManagement(Task):
    """A question about the caller's account."""

    task_type: Literal["accountManagement"]
    operation: Literal["getDetails"]


class ModelSearch(Task):
    """Models by name; the filters are those of Runware's whole catalogue."""

    task_type: Literal["modelSearch"]
    search: str | None = Field(None, max_length=200)
    source: Literal["official", "community"] | None = None
    category: Literal["checkpoint", "lora", "lycoris", "vae", "embeddings"] | None = None
    capabilities: list[str] | None = Field(None, max_length=100)
    architecture: str | None = Field(None, max_length=100)
    visibility: Literal["public", "private", "favorite", "owned"] | None = None
    limit: WholeNumber = Field(20, ge=1, le=100)
    offset: WholeNumber = Field(0, ge=0, le=10_000)
    sort: str = Field("name", max_length=40)

    @property
    def admits_models(self) -> bool:
        """Whether the filters leave any model of this API: a public checkpoint of its own architecture."""
        return (
            self.source != "community"
            and self.category in (None, "checkpoint")
            and self.architecture in (None, "imagineart")
            and self.visibility in (None, "public")
        )


class Ping(Fields):
    """A sign of life of a connection."""

    task_type: Literal["ping"]
    ping: Literal[True]

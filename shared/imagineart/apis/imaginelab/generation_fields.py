"""The fields of a new generation and of a list, and the image that an order asks for."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from imagineart.apis.common.fields import JsonObject
from imagineart.apis.common.validation import Fields, validate
from imagineart.errors import InvalidRequestError
from imagineart.generations.manage_generations import MAX_LISTED
from imagineart.generations.model import GenerationStatus, GenerationType
from imagineart.images.model import ImageRequest
from imagineart.images.seeds import RandomBelow, choose_seed
from imagineart.images.sizes import GENERATION_ASPECT_RATIOS, RESOLUTIONS, output_size
from imagineart.models.model import Model
from imagineart.quoting import shown

MAX_SEED: Final = 2**53 - 1
_MAX_PROJECT: Final = 2**53 - 1


def _one_of(*choices: str) -> dict[str, Any]:
    return {"enum": [str(each) for each in choices]}


class GenerationFields(Fields):
    """What to generate."""

    generation_type: str = Field(json_schema_extra=_one_of(*GenerationType))
    model_name: str = Field(min_length=1, max_length=127)
    prompt: str = Field(min_length=1, max_length=4000)
    settings: Any = None
    project_id: Any = None

    @property
    def own_settings(self) -> Mapping[str, Any]:
        """The settings by name. Raises InvalidRequestError for what is no object."""
        if self.settings is None:
            return {}
        if not isinstance(self.settings, JsonObject):
            raise InvalidRequestError("settings", "got no object; allowed: an object, or null.")
        values = dict(self.settings)
        if len(values) < len(self.settings):
            raise InvalidRequestError("settings", "a setting came more than once; allowed: once.")
        return {name: value for name, value in values.items() if value is not None}

    @property
    def own_project(self) -> int | str | None:
        """The project. Raises InvalidRequestError."""
        project = self.project_id
        is_number = type(project) is int and 0 <= project <= _MAX_PROJECT
        is_text = isinstance(project, str) and 1 <= len(project) <= 64 and project.isprintable()
        if project is None or is_number or is_text:
            return project  # type: ignore[no-any-return]
        allowed = f"an integer from 0 to {_MAX_PROJECT}, or 1 to 64 characters, or null."
        raise InvalidRequestError("project_id", f"got {shown(str(project))}; allowed: {allowed}")


class ImageSettings(Fields):
    """What an image may be told beside its prompt."""

    aspect_ratio: str = Field("1:1", json_schema_extra=_one_of(*GENERATION_ASPECT_RATIOS))
    resolution: str = Field("1K", json_schema_extra=_one_of(*RESOLUTIONS))
    seed: int = Field(-1, ge=-1, le=MAX_SEED, json_schema_extra={"note": "-1 chooses one"})


class ListFields(Fields):
    """Which generations to list."""

    skip: int = Field(0, ge=0, le=MAX_LISTED)
    limit: int = Field(100, ge=1, le=MAX_LISTED)
    generation_type: str = Field("", json_schema_extra=_one_of("", *GenerationType))
    status: str = Field("", json_schema_extra=_one_of("", *GenerationStatus))
    project_id: str = Field("", max_length=64)


def read_settings(values: Mapping[str, Any]) -> ImageSettings:
    """The settings of an image. Raises InvalidRequestError, which names ``settings.<name>``."""
    try:
        return validate(ImageSettings, values, is_json=True)
    except InvalidRequestError as error:
        problem = error.message.removeprefix(f"{error.field}: ")
        field = "settings" if error.field == "form" else f"settings.{error.field}"
        raise InvalidRequestError(field, problem) from error


def image_request(
    prompt: str, settings: ImageSettings, model: Model, random_below: RandomBelow
) -> ImageRequest:
    """The image that a generation asks for. Raises InvalidRequestError where the model has no such size."""
    size = output_size(settings.aspect_ratio, settings.resolution)
    if not model.sizes.admit(size):
        raise InvalidRequestError(
            "settings.resolution",
            f"got '{settings.resolution}', which is {size} at {settings.aspect_ratio}; allowed for the model "
            f"'{model.id}': {model.sizes}.",
        )
    chosen = None if settings.seed < 0 else settings.seed
    return ImageRequest(prompt=prompt, size=size, seed=choose_seed(chosen, random_below))

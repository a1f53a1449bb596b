"""The settings of each type of generation, and the request of a model that they make of a prompt."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from pydantic import Field

from imagineart.accounts.model import MAX_SAFE_INTEGER
from imagineart.apis.common.validation import Fields, validate
from imagineart.apis.imaginelab.generation_fields import one_of
from imagineart.errors import InvalidRequestError
from imagineart.generations.create_generation import Asked
from imagineart.generations.model import GenerationType
from imagineart.images.model import ImageRequest
from imagineart.images.seeds import RandomBelow, choose_seed
from imagineart.images.sizes import GENERATION_ASPECT_RATIOS, RESOLUTIONS, Size, output_size
from imagineart.media.model import MusicRequest, TextRequest, VideoRequest, VoiceRequest
from imagineart.models.model import Model, MusicModel, OfferedModel, TextModel, VideoModel, VoiceModel
from imagineart.quoting import shown

_MAX_IMAGE_PROMPT: Final = 4_000
_DEFAULT_TOKENS: Final = 1_024
_DEFAULT_MUSIC_SECONDS: Final = 15
_SEED: Any = Field(-1, ge=-1, le=MAX_SAFE_INTEGER, json_schema_extra={"note": "-1 chooses one"})

_Settings = TypeVar("_Settings", bound=Fields)


class ImageSettings(Fields):
    """Of an image, and of an infographic."""

    aspect_ratio: str = Field("1:1", json_schema_extra=one_of(*GENERATION_ASPECT_RATIOS))
    resolution: str = Field("1K", json_schema_extra=one_of(*RESOLUTIONS))
    seed: int = _SEED


class VideoSettings(Fields):
    """Of a video; without a value, the first one of its model."""

    seconds: int | None = Field(None, ge=1, le=60)
    size: str | None = Field(None, max_length=11)
    seed: int = _SEED


class VoiceSettings(Fields):
    """Of a voice; without a value, the first one of its model."""

    voice: str | None = Field(None, max_length=200)


class MusicSettings(Fields):
    """Of music."""

    seconds: int | None = Field(None, ge=1, le=300)
    format: str = Field("mp3", json_schema_extra=one_of("mp3", "wav"))
    seed: int = _SEED


class TextSettings(Fields):
    """Of a text. `instructions` say how to write it."""

    max_tokens: int | None = Field(None, ge=1, le=16_384)
    temperature: float | None = Field(None, ge=0, le=2)
    instructions: str = Field("", max_length=4_000)


SETTINGS: Final = (ImageSettings, VideoSettings, VoiceSettings, MusicSettings, TextSettings)


def read_settings(model: type[_Settings], values: Mapping[str, Any]) -> _Settings:
    """The settings of a type. Raises InvalidRequestError, which names ``settings.<name>``."""
    try:
        return validate(model, values, is_json=True)
    except InvalidRequestError as error:
        problem = error.message.removeprefix(f"{error.field}: ")
        field = "settings" if error.field == "form" else f"settings.{error.field}"
        raise InvalidRequestError(field, problem) from error


def ask(
    kind: GenerationType,
    prompt: str,
    settings: Mapping[str, Any],
    model: OfferedModel,
    random_below: RandomBelow,
) -> Asked:
    """What a generation of a type asks its model for, without the model of a layout.

    Raises InvalidRequestError, which names the prompt or ``settings.<name>``.
    """
    return _ASK[kind](prompt, settings, model, random_below)


def _ask_for_image(prompt: str, values: Mapping[str, Any], model: Model, random_below: RandomBelow) -> Asked:
    settings = read_settings(ImageSettings, values)
    _check_prompt(prompt, _MAX_IMAGE_PROMPT)
    size = output_size(settings.aspect_ratio, settings.resolution)
    if not model.sizes.admit(size):
        raise InvalidRequestError(
            "settings.resolution",
            f"got '{settings.resolution}', which is {size} at {settings.aspect_ratio}; allowed for the model "
            f"'{model.id}': {model.sizes}.",
        )
    request = ImageRequest(prompt=prompt, size=size, seed=_seed(settings.seed, random_below))
    return Asked(request, model.id, settings.resolution)


def _ask_for_video(
    prompt: str, values: Mapping[str, Any], model: VideoModel, random_below: RandomBelow
) -> Asked:
    settings = read_settings(VideoSettings, values)
    _check_prompt(prompt, model.max_characters)
    seconds = _one_of_the_model("seconds", settings.seconds, model.seconds)
    width, _, height = _one_of_the_model("size", settings.size, model.sizes).partition("x")
    size = Size(int(width), int(height))
    return Asked(VideoRequest(prompt, seconds, size, _seed(settings.seed, random_below)), model.id)


def _ask_for_voice(prompt: str, values: Mapping[str, Any], model: VoiceModel, _: RandomBelow) -> Asked:
    settings = read_settings(VoiceSettings, values)
    _check_prompt(prompt, model.max_characters)
    return Asked(VoiceRequest(prompt, _one_of_the_model("voice", settings.voice, model.voices)), model.id)


def _ask_for_music(
    prompt: str, values: Mapping[str, Any], model: MusicModel, random_below: RandomBelow
) -> Asked:
    settings = read_settings(MusicSettings, values)
    _check_prompt(prompt, model.max_characters)
    seconds = _bounded("seconds", settings.seconds, _DEFAULT_MUSIC_SECONDS, model.max_seconds)
    seed, media_type = _seed(settings.seed, random_below), _MUSIC_TYPES[settings.format]
    return Asked(MusicRequest(prompt, seconds, seed, media_type), model.id)


def _ask_for_text(prompt: str, values: Mapping[str, Any], model: TextModel, _: RandomBelow) -> Asked:
    settings = read_settings(TextSettings, values)
    _check_prompt(prompt, model.max_characters)
    max_tokens = _bounded("max_tokens", settings.max_tokens, _DEFAULT_TOKENS, model.max_tokens)
    return Asked(TextRequest(prompt, max_tokens, settings.instructions, settings.temperature), model.id)


_MUSIC_TYPES: Final[Mapping[str, Literal["audio/mpeg", "audio/wav"]]] = MappingProxyType(
    {"mp3": "audio/mpeg", "wav": "audio/wav"}
)
_ASK: Final[Mapping[GenerationType, Callable[[str, Mapping[str, Any], Any, RandomBelow], Asked]]] = (
    MappingProxyType(
        {
            GenerationType.IMAGE: _ask_for_image,
            GenerationType.VIDEO: _ask_for_video,
            GenerationType.VOICE: _ask_for_voice,
            GenerationType.MUSIC: _ask_for_music,
            GenerationType.INFOGRAPHIC: _ask_for_image,
            GenerationType.TEXT: _ask_for_text,
        }
    )
)


def _seed(seed: int, random_below: RandomBelow) -> int:
    return choose_seed(None if seed < 0 else seed, random_below)


def _check_prompt(prompt: str, most: int) -> None:
    if len(prompt) > most:
        problem = f"got {len(prompt)} characters; allowed for this model: 1 to {most} characters."
        raise InvalidRequestError("prompt", problem)


def _one_of_the_model[ValueT: (int, str)](
    name: str, value: ValueT | None, offered: Sequence[ValueT]
) -> ValueT:
    if value is None:
        return offered[0]
    if value not in offered:
        allowed = ", ".join(map(str, offered))
        raise InvalidRequestError(f"settings.{name}", f"got {shown(str(value))}; allowed: {allowed}.")
    return value


def _bounded(name: str, value: int | None, default: int, most: int) -> int:
    if value is None:
        return min(default, most)
    if value > most:
        raise InvalidRequestError(
            f"settings.{name}", f"got '{value}'; allowed for this model: an integer from 1 to {most}."
        )
    return value

"""What a caller asks for that is no image, and the file that is delivered."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final, Literal, TypeAlias

from imagineart.images.sizes import Size

MAX_MEDIA_BYTES: Final = 32 * 1024 * 1024
MAX_TEXT_BYTES: Final = 128 * 1024
"""A job's item has the text too, and 400 kB of DynamoDB."""


@dataclass(frozen=True, slots=True)
class TextRequest:
    """Text of up to `max_tokens` that responds to a prompt; `instructions` say how the model has to write.

    `temperature` is from 0 to 2; None leaves it to the model.
    """

    kind: ClassVar = "text"
    media_type: ClassVar = "text/plain"

    prompt: str
    max_tokens: int
    instructions: str = ""
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class VoiceRequest:
    """A prompt read aloud; `voice` is one of the model's."""

    kind: ClassVar = "voice"
    media_type: ClassVar = "audio/mpeg"

    prompt: str
    voice: str


@dataclass(frozen=True, slots=True)
class MusicRequest:
    """Music that a prompt describes."""

    kind: ClassVar = "music"

    prompt: str
    seconds: float
    seed: int
    media_type: Literal["audio/mpeg", "audio/wav"] = "audio/mpeg"


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """A video that a prompt describes."""

    kind: ClassVar = "video"
    media_type: ClassVar = "video/mp4"

    prompt: str
    seconds: int
    size: Size
    seed: int


MediaRequest: TypeAlias = TextRequest | VoiceRequest | MusicRequest | VideoRequest

_BY_KIND: Final[Mapping[str, type[MediaRequest]]] = {
    each.kind: each for each in (TextRequest, VoiceRequest, MusicRequest, VideoRequest)
}


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file whose content was checked; `seconds` is how long it plays, None for text."""

    content: bytes
    media_type: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Order:
    """What a backend makes by itself: the `id` that it gave, since `ordered_at` (Unix seconds).

    `place` is where the backend is, so that no other one is asked for it.
    """

    place: str
    id: str
    ordered_at: float


@dataclass(frozen=True, slots=True)
class MadeMedia:
    """A file, the name of the route that made it, and how long that took, failed routes included."""

    file: MediaFile
    backend: str
    backend_seconds: float


@dataclass(frozen=True, slots=True)
class KeptMedia:
    """A file that is kept as the result of the name `result`; `text` is what it says, where it is a text.

    `attempt` is the number of the attempt that made it; for the rest, see `MadeMedia` and `MediaFile`.
    """

    media_type: str
    result: str
    seconds: float | None
    backend: str
    backend_seconds: float
    attempt: int
    text: str | None = None


def request_to_fields(request: MediaRequest) -> dict[str, Any]:
    """A request as JSON can have it."""
    return {"kind": request.kind, **asdict(request)}


def request_from_fields(fields: Mapping[str, Any]) -> MediaRequest:
    """What `request_to_fields` made. Raises KeyError, TypeError."""
    values = {name: value for name, value in fields.items() if name != "kind"}
    if "size" in values:
        values["size"] = Size(**values["size"])
    return _BY_KIND[fields["kind"]](**values)


def compact_json(value: Mapping[str, Any]) -> str:
    """JSON that keeps what is not ASCII, which would need up to six times the bytes otherwise."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

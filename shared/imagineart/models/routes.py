"""The backends of a model, as the models document names them: where each is, and how it is called."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from imagineart.quoting import shown

DEFAULT_RETRIES: Final = 2
"""How often one backend is retried within a request."""


class Value(BaseModel):
    """A part of the document: unknown fields are refused, and no type is converted in silence.

    The document builds what validates its parts, each of which would otherwise build that of its own parts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


def _base_url(text: str) -> str:
    if not _is_base_url(text):
        # A password may stand before the host.
        without_user = text.rpartition("@")[2]
        raise ValueError(
            f"got {shown(without_user)}; allowed: an http:// or https:// URL with a host and without a user, "
            "a query or a fragment"
        )
    return text.rstrip("/")


def _is_base_url(text: str) -> bool:
    if not (text.isascii() and text.isprintable()) or any(each in text for each in " @?#"):
        return False
    try:
        parts = urlsplit(text)
        # Otherwise, text that cannot be a name is found only when it is looked up.
        host = (parts.hostname or "").encode("idna")
        return parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:
        return False


BaseUrl: TypeAlias = Annotated[str, AfterValidator(_base_url)]
"""Without a trailing slash."""

Region: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
BedrockModel: TypeAlias = Literal[
    "stability.stable-image-core-v1:1", "stability.stable-image-ultra-v1:1", "stability.sd3-5-large-v1:0"
]  # fmt: skip
"""What generates from text, all in us-west-2 and called by these ids; they have no inference profiles."""

Word: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\S{1,200}$")]


class BackendRoute(Value):
    """What every kind has; `attempt_seconds` bounds one attempt; `retries` are made where nothing was made.

    Without `attempt_seconds`, each remaining backend gets an equal share of the remaining time.
    """

    kind: str
    attempt_seconds: int | None = Field(None, ge=1, le=280)
    retries: int = Field(DEFAULT_RETRIES, ge=0, le=5)


class BedrockRoute(BackendRoute):
    """A model of Amazon Bedrock in one region; `endpoint` replaces AWS's own.

    Edits are made by other models, which the number of references chooses.
    """

    kind: Literal["bedrock"]
    region: Region
    model: BedrockModel
    upscaler: bool = True
    endpoint: BaseUrl | None = None


class ServerRoute(BackendRoute):
    """A server of the OpenAI-compatible images protocol."""

    kind: Literal["openai", "sglang"]
    url: BaseUrl
    model: Word


class VllmOmniRoute(BackendRoute):
    """A server of vLLM-Omni; `lora` is the path, on the server, of the LoRA that every image is made with."""

    kind: Literal["vllm-omni"]
    url: BaseUrl
    model: Word
    lora: Word | None = None


class OtherServerRoute(BackendRoute):
    """The same, of no known product; `response_format` replaces the one that is asked for otherwise."""

    kind: Literal["openai-compatible"]
    url: BaseUrl
    model: Word
    response_format: Word | None = None


class DeploymentRoute(BackendRoute):
    """Another deployment of this API, which chooses the model."""

    kind: Literal["imagineart"]
    url: BaseUrl


AnyRoute: TypeAlias = Annotated[
    BedrockRoute | ServerRoute | VllmOmniRoute | OtherServerRoute | DeploymentRoute,
    Field(discriminator="kind"),
]


class OpenAiRoute(BackendRoute):
    """A server of OpenAI's protocol for text (``/chat/completions``) or speech (``/audio/speech``)."""

    kind: Literal["openai", "openai-compatible"]
    url: BaseUrl
    model: Word


class ConverseRoute(BackendRoute):
    """A model of Amazon Bedrock that writes text, or an inference profile; `endpoint` replaces AWS's own."""

    kind: Literal["bedrock"]
    region: Region
    model: Word
    endpoint: BaseUrl | None = None


class PollyRoute(BackendRoute):
    """Amazon Polly in one region; `endpoint` replaces AWS's own."""

    kind: Literal["polly"]
    region: Region
    engine: Literal["standard", "neural", "long-form", "generative"] = "neural"
    endpoint: BaseUrl | None = None


class AudioRoute(BackendRoute):
    """A server of vLLM-Omni that makes audio from a description (``/audio/generate``)."""

    kind: Literal["vllm-omni"]
    url: BaseUrl
    model: Word


class VideoRoute(BackendRoute):
    """A server of OpenAI's videos protocol (``/videos``); `fps` is for vLLM-Omni, which counts in frames."""

    kind: Literal["openai-compatible", "vllm-omni"]
    url: BaseUrl
    model: Word
    fps: int = Field(16, ge=1, le=60)


TextRoute: TypeAlias = Annotated[OpenAiRoute | ConverseRoute, Field(discriminator="kind")]
VoiceRoute: TypeAlias = Annotated[OpenAiRoute | PollyRoute, Field(discriminator="kind")]
MediaRoute: TypeAlias = OpenAiRoute | ConverseRoute | PollyRoute | AudioRoute | VideoRoute


def _by_kind(*routes: type[BackendRoute]) -> Mapping[str, type[BackendRoute]]:
    return {kind: route for route in routes for kind in get_args(route.model_fields["kind"].annotation)}


ROUTES_BY_KIND: Final = _by_kind(BedrockRoute, ServerRoute, VllmOmniRoute, OtherServerRoute, DeploymentRoute)
"""What makes images."""

ROUTES_BY_MODEL_KIND: Final[Mapping[str, Mapping[str, type[BackendRoute]]]] = {
    "image": ROUTES_BY_KIND,
    "text": _by_kind(OpenAiRoute, ConverseRoute),
    "voice": _by_kind(OpenAiRoute, PollyRoute),
    "music": _by_kind(AudioRoute),
    "video": _by_kind(VideoRoute),
}

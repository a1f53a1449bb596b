"""An inference backend that speaks the OpenAI-compatible images protocol.

Source: https://platform.openai.com/docs/api-reference/images. Servers differ; see `openai_profiles`.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from imagineart.backends.http import HttpClient, HttpResponse, Part
from imagineart.backends.model import GeneratedImage, PartialMade
from imagineart.backends.openai_errors import read_error
from imagineart.backends.openai_profiles import OpenAiProfile
from imagineart.backends.responses import (
    bearer,
    checked_image,
    decode_image,
    loggable,
    no_image,
    not_an_image,
    read_document,
)
from imagineart.errors import (
    RequestRefusedError,
)
from imagineart.images.in_thread import in_image_thread
from imagineart.images.kinds import PNG, detect_image_kind
from imagineart.images.model import ImageRequest, TokenUsage
from imagineart.images.sizes import Size


@dataclass(frozen=True, slots=True)
class OpenAiBackend:
    """An ImageBackend at a base URL that ends in ``/v1``; `api_key` is read for every request.

    `profile` is what its kind of server needs. `response_format`, where given, replaces the profile's. `lora`
    is the path of a LoRA on a server that loads one for each request.
    """

    http: HttpClient
    url: str
    profile: OpenAiProfile
    model: str
    api_key: Callable[[], str | None]
    response_format: str | None = None
    lora: str | None = None

    async def generate(self, request: ImageRequest) -> GeneratedImage:
        """See `ImageBackend`."""
        return self._read(await self._send(request, {}, self.http.send))

    async def generate_in_steps(self, request: ImageRequest, partial_made: PartialMade) -> GeneratedImage:
        """See `MakesPartialImages`; no server but OpenAI's own shows unfinished images."""
        if not self.profile.has_openai_fields:
            return await self.generate(request)

        async def event_came(data: bytes) -> None:
            document = read_document(data) or {}
            index, text = document.get("partial_image_index"), document.get("b64_json")
            if isinstance(index, int) and isinstance(text, str):
                await partial_made(index, decode_image(text))

        steps = {"stream": True, "partial_images": request.partial_images}
        send = partial(self.http.send, event_came=event_came)
        return self._read(await self._send(request, steps, send))

    async def _send(
        self, request: ImageRequest, more: Mapping[str, Any], send: Callable[..., Awaitable[HttpResponse]]
    ) -> HttpResponse:
        headers = bearer(self.api_key())
        fields = {"n": 1, **self._fields(request), **more}
        if request.references:
            # Without `reasoning`, an edit leaves the effort to the model.
            fields |= self.profile.reasoning["high"] if request.reasoning == "high" else {}
            form = [*_text_parts(fields), *_file_parts(self.profile.image_field, request)]
            if request.mask is not None:
                form.append(await self._mask_part(request.mask))
            return await send("POST", f"{self.url}/images/edits", headers=headers, form=form)
        fields |= self.profile.reasoning[request.reasoning]
        headers["Content-Type"] = "application/json"
        content = json.dumps(fields).encode()
        return await send("POST", f"{self.url}/images/generations", headers=headers, content=content)

    async def _mask_part(self, mask: bytes) -> Part:
        """Raises RequestRefusedError for a server that takes none."""
        if self.profile.mask_field is None:
            raise RequestRefusedError(detail="this kind of server takes no mask")
        if self.profile.has_alpha_masks:
            from imagineart.images.masks import as_alpha

            mask = await in_image_thread(as_alpha, mask)
        return self.profile.mask_field, ("mask.png", mask, "image/png")

    def _read(self, response: HttpResponse) -> GeneratedImage:
        content, usage = _read_image(response)
        return GeneratedImage(content, self.profile.has_seed, usage)

    def _fields(self, request: ImageRequest) -> dict[str, Any]:
        size = self.profile.choose_size(request.size)
        return {
            "model": self.model,
            "prompt": request.prompt,
            "size": str(size),
            **({"seed": request.seed} if self.profile.has_seed else {}),
            **(_format_fields(request, size) if self.profile.has_formats else {}),
            **(_openai_fields(request) if self.profile.has_openai_fields else {}),
            **(_guidance_fields(request) if self.profile.has_guidance else {}),
            **(_lora_field(self.lora, request) if self.lora else {}),
            **self.profile.constants,
            **({"response_format": self.response_format} if self.response_format else {}),
        }


def _format_fields(request: ImageRequest, size: Size) -> dict[str, Any]:
    """The format that is delivered, or PNG where the image will be resampled, which would lose quality."""
    wanted = request.output_format
    if wanted.kind is PNG or size != request.delivered_size:
        return {"output_format": "png"}
    return {"output_format": wanted.kind.name.lower(), "output_compression": wanted.quality}


def _openai_fields(request: ImageRequest) -> dict[str, str]:
    """What the caller chose; each model of OpenAI's knows some of these fields, and refuses the others."""
    chosen = {
        "background": (request.background, "auto"),
        "moderation": (request.moderation, "auto"),
        "input_fidelity": (request.input_fidelity, "low"),
    }
    return {name: value for name, (value, default) in chosen.items() if value != default}


def _guidance_fields(request: ImageRequest) -> dict[str, Any]:
    fields = {"negative_prompt": request.negative_prompt or None, "guidance_scale": request.guidance}
    return {name: value for name, value in fields.items() if value is not None}


def _lora_field(path: str, request: ImageRequest) -> dict[str, Any]:
    weight = 1.0 if request.lora_weight is None else request.lora_weight
    return {"lora": {"name": path, "path": path, "scale": weight}}


def _text_parts(fields: Mapping[str, Any]) -> list[Part]:
    """A form has an object, and true and false, as JSON."""
    texts = {
        name: json.dumps(value) if isinstance(value, (bool, dict)) else str(value)
        for name, value in fields.items()
    }
    return [(name, (None, text.encode(), None)) for name, text in texts.items()]


def _file_parts(name: str, request: ImageRequest) -> list[Part]:
    return [
        (name, (f"reference-{position}", reference.content, reference.kind.media_type))
        for position, reference in enumerate(request.references)
    ]


def _read_image(response: HttpResponse) -> tuple[bytes, TokenUsage | None]:
    """The image file, and what it cost. Raises what `ImageBackend` says."""
    if response.status != 200:
        raise read_error(response, read_document(response.content) or {})
    if response.media_type.startswith("image/") or detect_image_kind(response.content):
        return checked_image(response.content), None
    if not response.content:
        raise no_image()
    document = read_document(response.content)
    if document is None:
        raise not_an_image(f"no JSON object, media type {loggable(response.media_type)}")
    if document.get("error"):
        raise read_error(response, document)
    try:
        # The last of a stream of events has its image at the top.
        item = document["data"][0] if "data" in document else document
        text = item.get("b64_json")
    except (LookupError, TypeError, AttributeError):
        item, text = {}, None
    if not isinstance(text, str):
        raise no_image("a URL in place of an image" if item.get("url") else "no image in the response")
    return decode_image(text), _read_usage(document.get("usage"))


def _read_usage(reported: Any) -> TokenUsage | None:
    """Source: https://platform.openai.com/docs/api-reference/images/object; None for another form."""
    try:
        details = reported["input_tokens_details"]
        tokens = (details["text_tokens"], details["image_tokens"], reported["output_tokens"])
    except (LookupError, TypeError):
        return None
    if not all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in tokens):
        return None
    return TokenUsage(*tokens)

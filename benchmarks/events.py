"""Real requests to every function, as the REST proxy events that API Gateway makes of them."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
from PIL import Image

from benchmarks.stand_ins import TOKEN
from local.proxy_events import HttpRequest, build_proxy_event

REFERENCE_SIDE: Final = 256

FormField = tuple[str, tuple[str | None, bytes | str]]
"""A field's name, and its file name (None for text) and content."""


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """An event, and the status that shows that its work was done."""

    event: Mapping[str, Any]
    status: int = 200


def build_generation() -> SampleRequest:
    """A square 1K picture from a prompt."""
    fields = {"prompt": "A chef plating ramen, warm tungsten light", "resolution": "1K", "reasoning": "high"}
    return _build("POST", "/v1/images/generations", _text_fields(fields))


def build_edit() -> SampleRequest:
    """A square 1K picture from one small square JPEG."""
    reference = io.BytesIO()
    Image.linear_gradient("L").resize((REFERENCE_SIDE, REFERENCE_SIDE)).convert("RGB").save(reference, "JPEG")
    return build_upload([reference.getvalue()])


def build_delivery(mib: int) -> SampleRequest:
    """A picture of so many MiB, from a backend that reads this in the prompt."""
    return _build("POST", "/v1/images/generations", query=f"prompt={mib}")


def build_upload(files: Sequence[bytes]) -> SampleRequest:
    """A square 1K picture from reference images."""
    fields = {"prompt": "Replace the background with a sunset beach.", "resolution": "1K"}
    images: list[FormField] = [("images", (f"{at}.jpg", content)) for at, content in enumerate(files)]
    return _build("POST", "/v1/images/edits", _text_fields(fields) + images)


def build_upload_request() -> SampleRequest:
    """A place for a large reference image."""
    fields = {"content_type": "image/heic", "size": "12000000"}
    return _build("POST", "/v1/uploads", _text_fields(fields))


def build_models() -> SampleRequest:
    """The list of models."""
    return _build("GET", "/v1/models")


def build_health() -> SampleRequest:
    """The liveness probe."""
    return _build("GET", "/health")


def build_unknown() -> SampleRequest:
    """A path that nothing answers."""
    return _build("GET", "/v2/images", status=404)


def _build(
    method: str,
    path: str,
    form: Sequence[FormField] | None = None,
    *,
    query: str = "",
    status: int = 200,
) -> SampleRequest:
    headers = {"Authorization": f"Bearer {TOKEN.text}"}
    sent = httpx.Request(method, f"https://api.example.com{path}", headers=headers, files=form)
    request = HttpRequest(method, path, query, tuple(sent.headers.items()), sent.read())
    return SampleRequest(build_proxy_event(request, resource=path, path_parameters=None), status)


def _text_fields(fields: Mapping[str, str]) -> list[FormField]:
    return [(name, (None, text)) for name, text in fields.items()]

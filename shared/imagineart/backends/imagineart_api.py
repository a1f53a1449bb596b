"""Another deployment of this API as the inference backend.

Source: ImagineArt 2.0 API reference, and openapi.yaml for POST /v1/uploads. The deployment must be another: a
chain that leads back to its beginning calls itself until the time runs out.
"""

import ipaddress
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from imagineart.backends.http import HttpClient, HttpResponse, Part
from imagineart.backends.model import GeneratedImage
from imagineart.backends.responses import (
    at_its_limit,
    bearer,
    checked_image,
    loggable,
    not_an_image,
    overloaded,
    read_document,
    refused_content,
)
from imagineart.errors import (
    ImagineArtError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    RequestRefusedError,
)
from imagineart.images.kinds import detect_image_kind
from imagineart.images.model import ImageRequest, ReferenceImage
from imagineart.images.sizes import EDIT_ASPECT_RATIOS, GENERATION_ASPECT_RATIOS, ratio_and_resolution

MAX_INLINE_BYTES: Final = 4_300_000
"""What the references in one form may have together: 4.4 MB pass, and a prompt takes up to 16 kB of them."""

_AUTH_CODES: Final = frozenset(
    {"missing_bearer_token", "invalid_token", "model_auth_error", "no_tokens_configured"}
)
_NOT_AVAILABLE_CODES: Final = frozenset({"model_not_available", "unknown_request"})
_FIELDS_SENT: Final = frozenset(
    {"prompt", "aspect_ratio", "resolution", "seed", "reasoning", "images", "mask"}
)
_UPLOAD_ID: Final = re.compile(r"[0-9A-Za-z_]{1,128}")
_HEADER_NAME: Final = re.compile(r"[0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class ImagineArtBackend:
    """An ImageBackend at a base URL that ends in ``/v1``; `api_key` is a token of it, read for every request.

    The seed is always sent, since the deployment may choose a model for every request.
    """

    http: HttpClient
    url: str
    api_key: Callable[[], str | None]

    async def generate(self, request: ImageRequest) -> GeneratedImage:
        """See `ImageBackend`.

        Of references that do not fit into one request, the fewest and largest are uploaded beforehand. Each
        upload counts as a request of the token's consumer.
        """
        started = time.monotonic()
        form = _text_parts(request)
        headers = bearer(self.api_key())
        if request.references:
            form += await self._reference_parts(request.references, headers)
        if request.mask is not None:
            form.append(("mask", ("mask.png", request.mask, "image/png")))
        path = "/images/edits" if request.references else "/images/generations"
        response = await self.http.send(
            "POST", self.url + path, headers={**headers, "Accept": "image/png"}, form=form
        )
        if response.status != 200:
            raise _read_error(response, time.monotonic() - started)
        if not (response.media_type.startswith("image/") or detect_image_kind(response.content)):
            raise not_an_image(f"status 200 with media type {loggable(response.media_type)}")
        has_seed = response.headers.get("x-seed-supported", "").lower() != "false"
        return GeneratedImage(checked_image(response.content), has_seed)

    async def _reference_parts(
        self, references: Sequence[ReferenceImage], headers: Mapping[str, str]
    ) -> list[Part]:
        to_upload = _positions_to_upload([len(each.content) for each in references])
        parts: list[Part] = []
        for position, reference in enumerate(references):
            if position in to_upload:
                upload_id = await self._upload(reference, position, headers)
                parts.append(("images", (None, upload_id.encode(), None)))
            else:
                file = (f"reference-{position}", reference.content, reference.kind.media_type)
                parts.append(("images", file))
        return parts

    async def _upload(self, reference: ReferenceImage, position: int, headers: Mapping[str, str]) -> str:
        """The id under which the deployment has the reference now."""
        started = time.monotonic()
        document = {"content_type": reference.kind.media_type, "size": len(reference.content)}
        response = await self.http.send(
            "POST",
            f"{self.url}/uploads",
            headers={**headers, "Content-Type": "application/json", "Accept": "application/json"},
            content=json.dumps(document).encode(),
        )
        if response.status != 200:
            raise _read_error(response, time.monotonic() - started)
        grant = _read_grant(response.content, is_public=self.url.startswith("https:"))
        stored = await self.http.send("PUT", grant.url, headers=grant.headers, content=reference.content)
        if stored.status not in (200, 201, 204):
            raise ModelError(
                detail=f"the storage responded {stored.status} to the upload of images[{position}]"
            )
        return grant.id


@dataclass(frozen=True, slots=True)
class _Grant:
    """Where to put a reference, and the id that stands for it then."""

    id: str
    url: str
    headers: Mapping[str, str]


def _text_parts(request: ImageRequest) -> list[Part]:
    """Raises ModelNotAvailableError where no ratio of the API has the size."""
    allowed = EDIT_ASPECT_RATIOS if request.references else GENERATION_ASPECT_RATIOS
    try:
        ratio, resolution = ratio_and_resolution(request.size)
    except KeyError:
        raise ModelNotAvailableError(
            detail=f"no ratio and resolution of the API have the size {request.size}"
        ) from None
    if ratio not in allowed:
        raise ModelNotAvailableError(detail=f"edits of the API do not offer the ratio {ratio}")
    fields = {
        "prompt": request.prompt,
        "aspect_ratio": ratio,
        "resolution": resolution,
        "seed": str(request.seed),
    }
    if not request.references:
        fields["reasoning"] = request.reasoning
    return [(name, (None, text.encode(), None)) for name, text in fields.items()]


def _positions_to_upload(sizes: Sequence[int]) -> frozenset[int]:
    """The fewest, and of those the largest, without which the rest fit into one form."""
    total = sum(sizes)
    chosen = set()
    for position in sorted(range(len(sizes)), key=lambda each: -sizes[each]):
        if total <= MAX_INLINE_BYTES:
            break
        chosen.add(position)
        total -= sizes[position]
    return frozenset(chosen)


def _read_grant(content: bytes, *, is_public: bool) -> _Grant:
    """Where to put a reference; a deployment that `is_public` may not name a place in a private network.

    Raises ModelError for a response that names no place to put a reference.
    """
    try:
        document = read_document(content) or {}
        upload_id, url, headers = document["id"], document["url"], document["headers"]
        parts = urlsplit(url)
        usable = (
            _UPLOAD_ID.fullmatch(upload_id)
            and parts.scheme in (("https",) if is_public else ("http", "https"))
            and not (is_public and _is_private_address(parts.hostname or ""))
            and parts.port != 0  # A port beyond 65,535 is a ValueError.
            and all(map(_is_header, headers, headers.values()))
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ModelError(detail=f"the deployment granted no upload: {type(error).__name__}") from error
    if not usable:
        raise ModelError(detail="the deployment granted an upload that cannot be followed")
    return _Grant(upload_id, url, headers)


def _is_private_address(host: str) -> bool:
    """Whether a host is written as an address that is not one of the internet's."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _is_header(name: str, value: str) -> bool:
    return bool(_HEADER_NAME.fullmatch(name)) and value.isascii() and value.isprintable()


def _read_error(response: HttpResponse, seconds: float) -> ImagineArtError:
    """By the error's code, and by the status where something in front of the deployment responded."""
    error: Any = (read_document(response.content) or {}).get("error")
    code, message, request_id = (
        (error.get(name) if isinstance(error, dict) else None) for name in ("code", "message", "request_id")
    )
    status = response.status
    # The rest of the message may quote the caller.
    message = message if isinstance(message, str) else ""
    field = re.split(r"[:\[]", message, maxsplit=1)[0]
    about = f" about {field}" if field in _FIELDS_SENT else ""
    request = loggable(response.headers.get("x-request-id") or request_id)
    detail = f"the deployment responded {status} with code {loggable(code)}{about}, request {request}"
    retry_after = response.headers.get("retry-after", "")
    if code in _AUTH_CODES or status in (401, 403):
        return ModelAuthError(detail=detail)
    if code in _NOT_AVAILABLE_CODES or status == 404:
        return ModelNotAvailableError(detail=detail)
    if code == "rate_limited" or status == 429:
        return at_its_limit(retry_after, detail)
    if code == "timeout":
        return ModelTimeoutError(deadline_seconds=seconds, detail=detail)
    if code == "invalid_request" and field in ("prompt", "images") and "content policy" in message:
        return refused_content(field, detail)
    if code in ("invalid_request", "invalid_image") or response.headers.get("x-should-retry") == "false":
        return RequestRefusedError(detail=detail)
    if status == 503:
        return overloaded(retry_after, detail)
    return ModelError(detail=detail)

"""Another deployment of this API as the inference backend.

Source: ImagineArt 2.0 API reference, and openapi.yaml for POST /v1/uploads. The deployment must be another: a
chain that leads back to its beginning asks itself until the time runs out.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from imagineart.backends.responses import (
    bearer,
    bounded,
    loggable_media_type,
    read_beginning,
    retry_after_seconds,
)
from imagineart.adapters.deadline_http import Deadline, DeadlineHttpClient, HttpAnswer
from imagineart.adapters.multipart_form import FormPart, encode_form
from imagineart.errors import (
    ImagineArtError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    ModelUnavailableError,
    OrderRefusedError,
    RateLimitedError,
)
from imagineart.images.kinds import ReferenceImage
from imagineart.images.model import EditOrder, GenerationOrder
from imagineart.apis.imagineart.parameters import EDIT_PARAMETERS, GENERATION_PARAMETERS
from imagineart.domain.pieces import Pieces
from imagineart.images.sizes import EDIT_ASPECT_RATIOS, GENERATION_ASPECT_RATIOS, Size, ratio_and_resolution

MAX_INLINE_BYTES: Final = 4_300_000
"""What the references in one form may have together: 4.4 MB pass, and a prompt takes up to 16 kB of them."""

_AUTH_CODES: Final = frozenset(
    {"missing_bearer_token", "invalid_token", "model_auth_error", "no_tokens_configured"}
)
_NOT_AVAILABLE_CODES: Final = frozenset({"model_not_available", "unknown_request"})
_OUR_FIELDS: Final = frozenset({*GENERATION_PARAMETERS.names, *EDIT_PARAMETERS.names, "body", "form", "size"})
_CODE: Final = re.compile(r"[a-z_]{1,40}")
_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
_UPLOAD_ID: Final = re.compile(r"[0-9A-Za-z_]{1,128}")
_HEADER_NAME: Final = re.compile(r"[0-9A-Za-z-]+")


@dataclass(slots=True)
class ImagineArtApiBackend:
    """An ImageBackend at a base URL with its ``/v1``; `api_key`, a token of it, is asked on every call.

    `has_seed` is what the latest answer said of the model behind it, from that answer's first piece on; it is
    true before any answer. The seed is always sent, for the deployment may choose a model for every request.
    `open_storage` reaches the origin where the deployment wants references that are too large for a request.
    """

    http: DeadlineHttpClient
    api_key: Callable[[], str | None]
    open_storage: Callable[[str], DeadlineHttpClient] = DeadlineHttpClient
    has_seed: bool = field(default=True, init=False)

    @property
    def usage(self) -> None:
        """A PNG comes without."""
        return None

    def generate(self, order: GenerationOrder, *, deadline_seconds: float) -> Pieces:
        """A PNG made from text. Reading it raises what `ImageBackend` says."""
        call = self._begin(deadline_seconds)
        fields = _fields(order, GENERATION_ASPECT_RATIOS) | {"reasoning": order.reasoning}
        yield from self._paint(call, "/images/generations", _text_parts(fields))

    def edit(self, order: EditOrder, *, deadline_seconds: float) -> Pieces:
        """A PNG made from references. Reading it raises what `ImageBackend` says.

        Of references that do not fit into one request, the fewest and largest are uploaded beforehand. Each
        upload counts as a request of the token's consumer.
        """
        call = self._begin(deadline_seconds)
        parts = _text_parts(_fields(order, EDIT_ASPECT_RATIOS))
        apart = _positions_to_upload([len(each.content) for each in order.references])
        for position, reference in enumerate(order.references):
            if position in apart:
                parts.append(FormPart("images", self._upload(call, reference, position).encode()))
            else:
                name = f"reference-{position}"
                parts.append(FormPart("images", reference.content, name, reference.kind.media_type))
        yield from self._paint(call, "/images/edits", parts)

    def _begin(self, deadline_seconds: float) -> "_Call":
        deadline = Deadline.after(deadline_seconds)
        api_key = self.api_key()
        return _Call(deadline, {"Authorization": bearer(api_key)} if api_key else {})

    def _paint(self, call: "_Call", path: str, parts: Sequence[FormPart]) -> Pieces:
        content_type, body = encode_form(parts)
        headers = call.headers(content_type, accept="image/png")
        with self.http.send(path, headers=headers, body=body, deadline=call.deadline) as answer:
            if answer.status != 200:
                raise _error_from_answer(answer, read_beginning(answer), call.deadline)
            if not answer.header("content-type").startswith("image/"):
                raise _no_picture(answer)
            self.has_seed = answer.header("x-seed-supported").lower() != "false"
            yield from bounded(answer)

    def _upload(self, call: "_Call", reference: ReferenceImage, position: int) -> str:
        """The id under which the deployment has the reference now."""
        grant = self._ask_for_upload(call, reference)
        with (
            closing(self.open_storage(f"{grant.url.scheme}://{grant.url.netloc}")) as storage,
            storage.send(
                f"{grant.url.path}?{grant.url.query}",
                headers=grant.headers,
                body=[reference.content],
                deadline=call.deadline,
                method="PUT",
            ) as answer,
        ):
            if answer.status not in (200, 201, 204):
                raise ModelError(
                    detail=f"the storage answered {answer.status} to the upload of images[{position}]"
                )
        return grant.id

    def _ask_for_upload(self, call: "_Call", reference: ReferenceImage) -> "_Grant":
        document = {"content_type": reference.kind.media_type, "size": len(reference.content)}
        headers = call.headers("application/json", accept="application/json")
        body = [json.dumps(document).encode()]
        with self.http.send("/uploads", headers=headers, body=body, deadline=call.deadline) as answer:
            content = read_beginning(answer)
            if answer.status != 200:
                raise _error_from_answer(answer, content, call.deadline)
        return _read_grant(content, is_public=self.http.is_secure)


@dataclass(frozen=True, slots=True)
class _Call:
    """One order, whose requests share a deadline and a credential."""

    deadline: Deadline
    credential: Mapping[str, str]

    def headers(self, content_type: str, *, accept: str) -> dict[str, str]:
        return {
            "Content-Type": content_type,
            "Accept": accept,
            "Accept-Encoding": "identity",
            **self.credential,
        }


@dataclass(frozen=True, slots=True)
class _Grant:
    """Where to put a reference, and the id that stands for it then."""

    id: str
    url: SplitResult
    headers: Mapping[str, str]


def _fields(order: GenerationOrder | EditOrder, allowed: Sequence[str]) -> dict[str, str]:
    """The fields of both endpoints. Raises ModelNotAvailableError where no ratio of theirs has the size."""
    ratio, resolution = _ratio_and_resolution(order.size, allowed)
    return {
        "prompt": order.prompt,
        "aspect_ratio": ratio,
        "resolution": resolution,
        "seed": str(order.seed),
    }


def _ratio_and_resolution(size: Size, allowed: Sequence[str]) -> tuple[str, str]:
    try:
        ratio, resolution = ratio_and_resolution(size)
    except KeyError:
        raise ModelNotAvailableError(
            detail=f"no ratio and resolution of the API have the size {size}"
        ) from None
    if ratio not in allowed:
        raise ModelNotAvailableError(detail=f"the API's edits do not offer the ratio {ratio}")
    return ratio, resolution


def _text_parts(fields: Mapping[str, str]) -> list[FormPart]:
    return [FormPart(name, text.encode()) for name, text in fields.items()]


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
    """Where to put a reference; a deployment that `is_public` may not name a place in a network of ours.

    Raises ModelError for an answer that names no place to put a reference.
    """
    try:
        document = json.loads(content)
        upload_id, url, headers = document["id"], document["url"], document["headers"]
        parts = urlsplit(url)
        usable = (
            _UPLOAD_ID.fullmatch(upload_id)
            and url.isascii()
            and parts.scheme in (("https",) if is_public else ("http", "https"))
            and not (is_public and _is_private_address(parts.hostname or ""))
            and parts.port != 0
            # What no name can be is found here, not when it is looked up.
            and (parts.hostname or "").encode("idna")
            and all(map(_is_header, headers, headers.values()))
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(detail=f"the deployment granted no upload: {type(error).__name__}") from error
    if not usable:
        raise ModelError(detail="the deployment granted an upload that cannot be followed")
    return _Grant(upload_id, parts, headers)


def _is_private_address(host: str) -> bool:
    """Whether a host is written as an address that is not one of the internet's."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _is_header(name: str, value: str) -> bool:
    return bool(_HEADER_NAME.fullmatch(name)) and value.isascii() and value.isprintable()


def _no_picture(answer: HttpAnswer) -> ModelError:
    return ModelError(
        "The inference backend answered something that is no picture.",
        detail="the deployment answered 200 with content type "
        + loggable_media_type(answer.header("content-type")),
    )


def _error_from_answer(answer: HttpAnswer, content: bytes, deadline: Deadline) -> ImagineArtError:
    """By the envelope's code, and by the status where something in front of the deployment answered."""
    refusal = _read_refusal(answer, content)
    detail = refusal.describe()
    code, status = refusal.code, answer.status
    if code in _AUTH_CODES or status in (401, 403):
        return ModelAuthError(detail=detail)
    if code in _NOT_AVAILABLE_CODES or status == 404:
        return ModelNotAvailableError(detail=detail)
    if code == "rate_limited" or status == 429:
        return RateLimitedError(
            "The inference backend is at its limit. Retry after the seconds in Retry-After.",
            retry_after_seconds=retry_after_seconds(answer.header("retry-after")),
            detail=detail,
        )
    if code == "timeout":
        # Ours has not passed yet, but what there is to say, and to do, is the same.
        return ModelTimeoutError(deadline_seconds=deadline.elapsed_seconds, detail=detail)
    if code == "invalid_request" and "content policy" in refusal.message:
        if refusal.field == "prompt":
            return InvalidRequestError(
                "prompt", "the model refused it under its content policy.", detail=detail
            )
        if refusal.field == "images":
            return InvalidRequestError(
                "images", "the model refused a reference image under its content policy.", detail=detail
            )
    if code in ("invalid_request", "invalid_image"):
        return OrderRefusedError(detail=detail)
    if status == 503:
        return ModelUnavailableError("The inference backend is overloaded. Retry.", detail=detail)
    return ModelError(detail=detail)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An error envelope of the API, as much of it as came."""

    status: int
    code: str | None
    message: str
    request_id: str | None

    @property
    def field(self) -> str | None:
        """The field that the message names first, where it is one that the API has."""
        name = re.split(r"[:\[]", self.message, maxsplit=1)[0]
        return name if name in _OUR_FIELDS else None

    def describe(self) -> str:
        """For the log: the rest of the message may quote the caller, and is left out."""
        about = f" about {self.field}" if self.field else ""
        request = f", request {self.request_id}" if self.request_id else ""
        return f"the deployment answered {self.status} with code {self.code!r}{about}{request}"


def _read_refusal(answer: HttpAnswer, content: bytes) -> _Refusal:
    try:
        envelope: Any = json.loads(content)["error"]
        code, message, told = (envelope.get(name) for name in ("code", "message", "request_id"))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        code = message = told = None
    return _Refusal(
        answer.status,
        _matching(_CODE, code),
        message if isinstance(message, str) else "",
        _matching(_REQUEST_ID, answer.header("x-request-id")) or _matching(_REQUEST_ID, told),
    )


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None

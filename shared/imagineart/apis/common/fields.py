"""The one reader of request bodies: multipart and urlencoded forms and JSON become named values and files.

It is Starlette's multipart parser, made strict: Starlette drops a truncated field, reads bytes that are not
UTF-8 as latin-1 and takes an image without a filename for text. Sources: RFC 7578 (multipart/form-data),
https://url.spec.whatwg.org/#application/x-www-form-urlencoded
"""

import json
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from imagineart.errors import InvalidRequestError
from imagineart.quoting import shown

MULTIPART: Final = "multipart/form-data"
URLENCODED: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
MAX_FIELDS: Final = 64
_REPEATED: Final = "the field came more than once; allowed: once."
_PLAIN_NAME: Final = re.compile(r"[a-z_]{1,30}(\[\d{0,3}\])?")
_INDEX: Final = re.compile(r"\[\d*\]$")
_PLAIN_ENCODINGS: Final = frozenset({b"binary", b"8bit", b"7bit"})
_PLAIN_CHARSETS: Final = frozenset({b"utf-8", b"us-ascii"})


class JsonObject(list[tuple[str, Any]]):
    """The members of a JSON object in order, repeated ones included."""


@dataclass(frozen=True, slots=True)
class SubmittedFields:
    """The fields of a body: `values` by name, `files` in order; text among the files names an upload.

    `single_files` are by name: files of which a field has one.

    In a form a value is text, or bytes where a file came; in JSON it has its own type. `names` are the field
    names as they came, those of empty and null fields excluded.
    """

    values: Mapping[str, Any]
    files: tuple[bytes | str, ...]
    names: frozenset[str]
    is_json: bool = False
    single_files: Mapping[str, bytes | str] = field(default_factory=dict)


def media_type(request: Request) -> str:
    """The media type of a request's body, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_fields(
    request: Request,
    *,
    file_fields: frozenset[str] = frozenset(),
    single_file_fields: frozenset[str] = frozenset(),
    takes_json: bool = True,
) -> SubmittedFields:
    """The fields of a request's body; those that `file_fields` names hold files or the ids of uploads.

    Each of `single_file_fields` holds one. Without `takes_json`, the body has to be a form.

    Raises InvalidRequestError for an empty body, another Content-Type, a malformed or truncated body, and a
    repeated or undecodable field.
    """
    kind = media_type(request)
    body = await request.body()
    if not body:
        raise InvalidRequestError("body", f"the request body is empty; send the form fields as {MULTIPART}.")
    if kind in ("", URLENCODED) and body.lstrip().startswith((b"{", b"[")):
        wanted = JSON if takes_json else MULTIPART
        raise InvalidRequestError("Content-Type", f"the body looks like JSON; send it as {wanted}.")
    if kind == JSON and takes_json:
        fields = _read_json(body, file_fields | single_file_fields)
        return _collect(fields, file_fields, single_file_fields, is_json=True)
    if kind == MULTIPART:
        return _collect(await _read_multipart(request, body), file_fields, single_file_fields)
    if kind == URLENCODED:
        return _collect(_read_urlencoded(body), file_fields, single_file_fields)
    came = request.headers.get("content-type")
    allowed = ", ".join((MULTIPART, URLENCODED, *([JSON] if takes_json else [])))
    raise InvalidRequestError("Content-Type", f"got {shown(came) if came else 'none'}; allowed: {allowed}.")


def _collect(
    fields: Iterable[tuple[str, Any]],
    file_fields: frozenset[str],
    single_file_fields: frozenset[str],
    *,
    is_json: bool = False,
) -> SubmittedFields:
    values: dict[str, Any] = {}
    files: list[bytes | str] = []
    singles: dict[str, bytes | str] = {}
    names: set[str] = set()
    for came_as, value in fields:
        name = came_as if came_as in file_fields else _INDEX.sub("", came_as)
        if name in file_fields:
            if isinstance(value, (bytes, str)) and value:
                files.append(value)
                names.add(came_as)
        elif came_as in values or came_as in names:
            raise _refusal(came_as, _REPEATED)
        elif value is not None and (is_json or value not in ("", b"")):
            (singles if name in single_file_fields else values)[came_as] = value
            names.add(came_as)
    return SubmittedFields(values, tuple(files), frozenset(names), is_json, singles)


def _read_urlencoded(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise InvalidRequestError(
            "body", "the urlencoded form is malformed; allowed: percent-encoded UTF-8."
        ) from error


def _read_json(body: bytes, file_fields: frozenset[str]) -> Iterator[tuple[str, Any]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequestError("body", "is not UTF-8; allowed: JSON in UTF-8.") from error
    try:
        document = json.loads(text, object_pairs_hook=JsonObject, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("body", "is not JSON, as its Content-Type says.") from error
    if not isinstance(document, JsonObject):
        raise InvalidRequestError("body", "is not a JSON object; allowed: an object of the fields.")
    if len(document) > MAX_FIELDS:
        raise InvalidRequestError("body", f"got {len(document)} fields; allowed: up to {MAX_FIELDS}.")
    repeated = next(
        (name for name, count in Counter(name for name, _ in document).items() if count > 1), None
    )
    if repeated is not None:
        raise _refusal(repeated, _REPEATED)
    for name, value in document:
        if name not in file_fields or value is None:
            yield name, value
            continue
        items = value if isinstance(value, list) and not isinstance(value, JsonObject) else [value]
        for item in items:
            if not isinstance(item, str):
                raise InvalidRequestError(
                    name, "got something else than text; allowed: the id of an upload, or a list of ids."
                )
            yield name, item


def _refuse_constant(name: str) -> None:
    """Python reads NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{name} is not JSON")


def _refusal(name: str, problem: str) -> InvalidRequestError:
    """The error about a field. A name that cannot be one of ours is quoted, and stays out of the log."""
    if _PLAIN_NAME.fullmatch(name):
        return InvalidRequestError(name, problem)
    return InvalidRequestError("form", f"{shown(name)}: {problem}")


async def _read_multipart(request: Request, body: bytes) -> list[tuple[str, Any]]:
    parser = _StrictMultiPartParser(request.headers, _without_preamble(request, body))
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError) as error:
        problem = "is malformed, or its boundary is not the one that Content-Type names."
        if "header" in str(error.__cause__):
            problem = "has a malformed header in one of its parts; allowed: each header on one line."
        raise InvalidRequestError("body", f"the multipart form {problem}") from error
    try:
        if not parser.has_ended:
            raise InvalidRequestError(
                "body", "the multipart form is truncated; its closing boundary is missing."
            )
        return [
            (name, await value.read() if isinstance(value, UploadFile) else value)
            for name, value in form.multi_items()
        ]
    finally:
        await form.close()


async def _without_preamble(request: Request, body: bytes) -> AsyncGenerator[bytes]:
    """The body from its first boundary on. Source: RFC 2046 5.1.1."""
    _, options = parse_options_header(request.headers.get("content-type", ""))
    delimiter = b"--" + options.get(b"boundary", b"")
    start = 0 if body.startswith(delimiter) else body.find(b"\r\n" + delimiter) + 2
    yield body[start:] if start > 1 else body


class _StrictMultiPartParser(MultiPartParser):
    """Starlette's parser, which raises InvalidRequestError where it would guess."""

    # An event of Lambda has 6 MB at most: no file is written to the disk.
    spool_max_size = 16 * 1024 * 1024

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes]) -> None:
        super().__init__(headers, stream, max_files=MAX_FIELDS, max_fields=MAX_FIELDS)
        self.has_ended = False

    def on_headers_finished(self) -> None:
        part = self._current_part
        headers = dict(part.item_headers)
        if [name for name, _ in part.item_headers].count(b"content-disposition") != 1:
            raise InvalidRequestError("body", "each part of the form needs exactly one Content-Disposition.")
        _, options = parse_options_header(part.content_disposition)
        name = options.get(b"name", b"").decode(errors="replace")
        if not name:
            raise InvalidRequestError("body", "each part of the form needs a name.")
        _require_plain(name, headers)
        is_file = _is_file_type(headers.get(b"content-type", b""))
        if b"filename" not in options and (is_file or b"filename*" in (part.content_disposition or b"")):
            part.content_disposition = (part.content_disposition or b"") + b'; filename="file"'
        super().on_headers_finished()
        part.field_name = name

    def on_part_end(self) -> None:
        part = self._current_part
        if part.file is None:
            try:
                self.items.append((part.field_name, part.data.decode()))
            except UnicodeDecodeError as error:
                raise _refusal(
                    part.field_name, f"byte {error.start} is not UTF-8; allowed: UTF-8 text."
                ) from error
        else:
            super().on_part_end()

    def on_end(self) -> None:
        self.has_ended = True


def _is_file_type(content_type: bytes) -> bool:
    lowered = content_type.strip().lower()
    return lowered.startswith((b"image/", b"application/octet-stream"))


def _require_plain(name: str, headers: Mapping[bytes, bytes]) -> None:
    """Raises InvalidRequestError for a part whose bytes are not what they seem."""
    encoding = headers.get(b"content-transfer-encoding", b"binary").strip().lower()
    if encoding not in _PLAIN_ENCODINGS:
        raise _refusal(
            name,
            f"got Content-Transfer-Encoding {shown(encoding.decode('latin-1'))}; allowed: binary, 8bit, "
            "7bit.",
        )
    _, options = parse_options_header(headers.get(b"content-type", b""))
    charset = options.get(b"charset", b"utf-8").strip().lower()
    if charset not in _PLAIN_CHARSETS:
        raise _refusal(name, f"got charset {shown(charset.decode('latin-1'))}; allowed: utf-8, us-ascii.")

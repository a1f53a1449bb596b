"""Form bodies, multipart or urlencoded, become fields and files, and nothing unexpected passes.

Sources: RFC 7578 (multipart/form-data), https://url.spec.whatwg.org/#application/x-www-form-urlencoded
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from imagineart.domain.errors import InvalidRequestError
from imagineart.domain.parameters import EndpointParameters, shown

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_MAX_PARTS: Final = 64
_MULTIPART: Final = b"multipart/form-data"
_JSON: Final = b"application/json"
_URLENCODED: Final = b"application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Form:
    """A request's text fields by name, and its files in order; text among the files names an upload."""

    fields: Mapping[str, str]
    files: tuple[bytes | str, ...]


def parse_form(
    content_type: str, body: bytes, parameters: EndpointParameters, *, accepts_json: bool = False
) -> Form:
    """The form in `body`, holding only fields that `parameters` names, each scalar once.

    With `accepts_json`, a JSON object of texts and integers is a form too. Raises InvalidRequestError for an
    empty body, another content type, a malformed body, an unknown, repeated or undecodable field, and a file
    where text belongs.
    """
    if not body:
        raise InvalidRequestError(
            "body", "the request body is empty; send the form fields as multipart/form-data."
        )
    media_type, options = parse_options_header(content_type)
    if media_type == _MULTIPART:
        parts = _parse_multipart(body, options.get(b"boundary", b""))
    elif media_type == _URLENCODED:
        parts = _parse_urlencoded(body)
    elif media_type == _JSON and accepts_json:
        parts = _parse_json(body)
    else:
        allowed = (
            "multipart/form-data, application/x-www-form-urlencoded and application/json"
            if accepts_json
            else "multipart/form-data and application/x-www-form-urlencoded"
        )
        raise InvalidRequestError("Content-Type", f"got {shown(content_type)}; allowed are {allowed}.")
    return _to_form(parts, parameters)


@dataclass(slots=True)
class _Part:
    """One field as it came; `is_file` tells whether it carried a file name."""

    name: str = ""
    is_file: bool = False
    pieces: list[bytes] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)


def _to_form(parts: list[_Part], parameters: EndpointParameters) -> Form:
    fields: dict[str, str] = {}
    files: list[bytes | str] = []
    file_field = parameters.files.name if parameters.files else None
    for part in parts:
        if part.name not in parameters.names:
            allowed = ", ".join(parameters.names)
            raise InvalidRequestError(
                "form", f"got the unknown field {shown(part.name)}; allowed are {allowed}."
            )
        if part.name == file_field:
            files.append(part.content if part.is_file else _decode(part))
        elif part.is_file:
            raise InvalidRequestError(part.name, "got a file; allowed is a text field (without a filename).")
        elif part.name in fields:
            raise InvalidRequestError(part.name, "the field came more than once; allowed is once.")
        else:
            fields[part.name] = _decode(part)
    return Form(fields, tuple(files))


def _decode(part: _Part) -> str:
    try:
        return part.content.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequestError(
            part.name, f"byte {error.start} is not UTF-8; allowed is UTF-8 text."
        ) from error


def _parse_urlencoded(body: bytes) -> list[_Part]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_PARTS, errors="strict"
        )
    except ValueError as error:
        raise InvalidRequestError(
            "body", "the urlencoded form is malformed; allowed is percent-encoded UTF-8."
        ) from error
    return [_Part(name, pieces=[value.encode()]) for name, value in pairs]


def _parse_json(body: bytes) -> list[_Part]:
    """The members of a JSON object, repeated ones too."""
    try:
        members = json.loads(body, object_pairs_hook=_Members)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("body", "is not JSON, which Content-Type says it is.") from error
    if not isinstance(members, _Members):
        raise InvalidRequestError("body", "is no JSON object; allowed is an object of the fields.")
    for name, value in members:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise InvalidRequestError("form", f"the field {shown(name)} is neither a text nor an integer.")
    return [_Part(name, pieces=[_to_utf8(value)]) for name, value in members]


class _Members(list[tuple[str, object]]):
    """The members of a JSON object in order."""


def _to_utf8(value: object) -> bytes:
    """A lone surrogate, which JSON can spell, becomes bytes that are refused as no UTF-8."""
    return str(value).encode(errors="surrogatepass")


def _parse_multipart(body: bytes, boundary: bytes) -> list[_Part]:
    if not boundary:
        raise InvalidRequestError("Content-Type", "multipart/form-data came without its boundary parameter.")
    collector = _PartCollector()
    try:
        parser = MultipartParser(boundary, callbacks=collector.callbacks())
        parser.write(body)
    except (FormParserError, ValueError) as error:
        raise InvalidRequestError(
            "body",
            "the multipart form is malformed; its boundary or a part's headers are not as Content-Type says.",
        ) from error
    if not collector.ended:
        raise InvalidRequestError("body", "the multipart form is cut off; its closing boundary is missing.")
    return collector.parts


class _PartCollector:
    """Gathers the parser's events into parts."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.ended = False
        self._header_name = b""
        self._header_value = b""

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin_part,
            "on_part_data": self._add_data,
            "on_header_field": self._add_header_name,
            "on_header_value": self._add_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._check_name,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        if len(self.parts) == _MAX_PARTS:
            raise InvalidRequestError("body", f"got more than {_MAX_PARTS} fields.")
        self.parts.append(_Part())

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].pieces.append(data[start:end])

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            _, options = parse_options_header(self._header_value)
            self.parts[-1].name = options.get(b"name", b"").decode(errors="replace")
            self.parts[-1].is_file = b"filename" in options
        self._header_name = self._header_value = b""

    def _check_name(self) -> None:
        if not self.parts[-1].name:
            raise InvalidRequestError("body", f"part {len(self.parts)} of the form has no name.")

    def _end(self) -> None:
        self.ended = True

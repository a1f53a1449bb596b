"""Form bodies, multipart or urlencoded, become fields and files, and nothing unexpected passes.

Sources: RFC 7578 (multipart/form-data), https://url.spec.whatwg.org/#application/x-www-form-urlencoded
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeGuard
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from imagineart.errors import InvalidRequestError
from imagineart.apis.imagineart.parameters import EndpointParameters, shown

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_Kind: TypeAlias = Literal["text", "integer", "boolean", "null", "item", "other"]

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

    With `accepts_json`, a JSON object of texts, integers and, where a parameter is one, booleans is a form
    too; null stands for an absent field, and a list of texts for several uploads. Raises InvalidRequestError
    for an empty body, another content type, a malformed body, an unknown, refused, repeated or undecodable
    field, and a file where text belongs.
    """
    if not body:
        raise InvalidRequestError(
            "body", "the request body is empty; send the form fields as multipart/form-data."
        )
    media_type, options = parse_options_header(content_type)
    parts: Iterable[_Part]
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


def is_form(content_type: str) -> bool:
    """Whether a Content-Type header names a form of either kind."""
    return parse_options_header(content_type)[0] in (_MULTIPART, _URLENCODED)


@dataclass(slots=True)
class _Part:
    """One field as it came; `is_file` tells whether it carried a file name, `kind` what JSON called it."""

    name: str = ""
    is_file: bool = False
    kind: "_Kind" = "text"
    pieces: list[bytes] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)


def _to_form(parts: Iterable[_Part], parameters: EndpointParameters) -> Form:
    fields: dict[str, str | None] = {}
    files: list[bytes | str] = []
    names = frozenset(parameters.names)
    described = parameters.describe()
    for part in parts:
        if part.name not in names:
            raise _refusal(part, parameters)
        if part.name in parameters.file_names:
            if part.kind not in ("text", "item", "null"):
                raise InvalidRequestError(part.name, "is neither the id of an upload nor a list of ids.")
            if part.kind != "null":
                files.append(part.content if part.is_file else _decode(part))
        elif part.is_file:
            raise InvalidRequestError(part.name, "got a file; allowed is a text field (without a filename).")
        elif part.name in fields:
            raise InvalidRequestError(part.name, "the field came more than once; allowed is once.")
        elif part.kind not in ("text", "integer", "null", described[part.name]["type"]):
            raise InvalidRequestError("form", f"the field '{part.name}' is neither a text nor an integer.")
        else:
            fields[part.name] = None if part.kind == "null" else _decode(part)
    return Form({name: text for name, text in fields.items() if text is not None}, tuple(files))


def _refusal(part: _Part, parameters: EndpointParameters) -> InvalidRequestError:
    reasons = dict(parameters.refusals)
    if part.name in reasons:
        return InvalidRequestError(part.name, reasons[part.name])
    allowed = ", ".join(parameters.names)
    return InvalidRequestError("form", f"got the unknown field {shown(part.name)}; allowed are {allowed}.")


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


def _parse_json(body: bytes) -> Iterator[_Part]:
    """The members of a JSON object, repeated ones too; each item of a list of texts by itself."""
    try:
        members = json.loads(body, object_pairs_hook=_Members)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("body", "is not JSON, which Content-Type says it is.") from error
    if not isinstance(members, _Members):
        raise InvalidRequestError("body", "is no JSON object; allowed is an object of the fields.")
    for name, value in members:
        if _is_list_of_texts(value):
            yield from (_Part(name, kind="item", pieces=[_to_utf8(item)]) for item in value)
        else:
            yield _json_part(name, value)


class _Members(list[tuple[str, object]]):
    """The members of a JSON object in order."""


def _is_list_of_texts(value: object) -> TypeGuard[list[str]]:
    if not isinstance(value, list) or isinstance(value, _Members):
        return False
    return bool(value) and all(isinstance(item, str) for item in value)


def _json_part(name: str, value: object) -> _Part:
    match value:
        case None:
            return _Part(name, kind="null")
        case str():
            return _Part(name, kind="text", pieces=[_to_utf8(value)])
        case bool():
            return _Part(name, kind="boolean", pieces=[b"true" if value else b"false"])
        case int():
            return _Part(name, kind="integer", pieces=[_to_utf8(str(value))])
        case _:
            return _Part(name, kind="other")


def _to_utf8(text: str) -> bytes:
    """A lone surrogate, which JSON can spell, becomes bytes that are refused as no UTF-8."""
    return text.encode(errors="surrogatepass")


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

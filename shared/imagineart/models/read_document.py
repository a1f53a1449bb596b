"""The models document read from JSON, with every problem in the words of its author."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from imagineart.models.model import Capabilities, Model, ModelsDocument, SizeBounds, Style
from imagineart.models.routes import ROUTES_BY_KIND
from imagineart.quoting import shown

PACKAGED_FILE: Final = Path(__file__).with_name("packaged.json")
MAX_DOCUMENT_BYTES: Final = 350_000
"""An item of DynamoDB has 400 kB."""

_PARTS: Final[dict[str, type[BaseModel]]] = {
    "models": Model,
    "sizes": SizeBounds,
    "capabilities": Capabilities,
    "styles": Style,
    **ROUTES_BY_KIND,
}


class InvalidModelsError(ValueError):
    """A models document cannot be used; each of `problems` names the field, what came and what is allowed."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def read_document(text: str) -> ModelsDocument:
    """The document that a text spells in JSON. Raises InvalidModelsError."""
    if len(text.encode(errors="replace")) > MAX_DOCUMENT_BYTES:
        raise InvalidModelsError([f"document: got more than {MAX_DOCUMENT_BYTES:,} bytes."])
    try:
        document = ModelsDocument.model_validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False)
        # A list of one bad item counts as too short as well.
        raise InvalidModelsError(
            [_describe(each) for each in found if not (each["type"] == "too_short" and each["input"])]
        ) from error
    if "styles" in document.model_fields_set:
        return document
    return document.model_copy(update={"styles": packaged_document().styles})


def packaged_document() -> ModelsDocument:
    """The models of a deployment whose operator has applied none."""
    return read_document(PACKAGED_FILE.read_text())


def _describe(error: ErrorDetails) -> str:
    kind, place, context = error["type"], list(error["loc"]), error.get("ctx", {})
    if kind == "extra_forbidden":
        allowed = ", ".join(_part_at(place[:-1]).model_fields)
        return f"{_path(place[:-1])}: got the unknown field {shown(str(place[-1]))}; allowed: {allowed}."
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        got = f"got {shown(context['tag'])}" if "tag" in context else "the field is required"
        return f"{_path([*place, 'kind'])}: {got}; allowed: {', '.join(ROUTES_BY_KIND)}."
    if kind == "missing":
        return f"{_path(place)}: the field is required."
    if kind == "value_error":
        return f"{_path(place)}: {context['error']}."
    if kind == "json_invalid":
        return f"document: got no JSON: {context['error']}."
    allowed = re.sub(r"^(Input|\w+) should (be|match|have) ", "", error["msg"])
    return f"{_path(place)}: got {_shown_value(error['input'])}; allowed: {allowed}."


def _part_at(place: Sequence[int | str]) -> type[BaseModel]:
    named = [part for part in place if part in _PARTS]
    return _PARTS[str(named[-1])] if named else ModelsDocument


def _path(place: Sequence[int | str]) -> str:
    """A place as ``models[0].backends[1].url``; Pydantic names the kind of a backend within it."""
    parts = [
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in place if part not in ROUTES_BY_KIND
    ]
    return "".join(parts).removeprefix(".") or "document"


def _shown_value(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    return f"a list of {len(value)}" if isinstance(value, list) else shown(str(value))

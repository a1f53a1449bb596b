"""The models document read from JSON, with every problem in the words of its author."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from imagineart.models.model import MODELS_BY_KIND, Capabilities, ModelsDocument, SizeBounds
from imagineart.models.routes import ROUTES_BY_MODEL_KIND
from imagineart.quoting import shown

PACKAGED_FILE: Final = Path(__file__).with_name("packaged.json")
MAX_DOCUMENT_BYTES: Final = 350_000
"""An item of DynamoDB has 400 kB."""

_KIND_AT: Final = 2
"""Where in a place Pydantic names the kind of a model, after ``models`` and its number."""

_BACKEND_KINDS: Final = frozenset().union(*ROUTES_BY_MODEL_KIND.values())
_PARTS: Final[Mapping[str, type[BaseModel]]] = {"sizes": SizeBounds, "capabilities": Capabilities}


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
        return ModelsDocument.model_validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False)
        # A list of one bad item counts as too short as well.
        raise InvalidModelsError(
            [_describe(each) for each in found if not (each["type"] == "too_short" and each["input"])]
        ) from error


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
        return f"{_path(place)}.kind: {got}; allowed: {', '.join(_kinds_at(place))}."
    if kind == "missing":
        return f"{_path(place)}: the field is required."
    if kind == "value_error":
        return f"{_path(place)}: {context['error']}."
    if kind == "json_invalid":
        return f"document: got no JSON: {context['error']}."
    allowed = re.sub(r"^(Input|\w+) should (be|match|have) ", "", error["msg"])
    return f"{_path(place)}: got {_shown_value(error['input'])}; allowed: {allowed}."


def _kinds_at(place: Sequence[int | str]) -> Iterable[str]:
    """The kinds that a model, or a backend of a model, may have."""
    return ROUTES_BY_MODEL_KIND[_kind_of(place)] if "backends" in place else MODELS_BY_KIND


def _part_at(place: Sequence[int | str]) -> type[BaseModel]:
    if len(place) <= _KIND_AT:
        return ModelsDocument
    kind, last = _kind_of(place), str(place[-1])
    if "backends" not in place:
        return _PARTS.get(last, MODELS_BY_KIND[kind])
    routes = ROUTES_BY_MODEL_KIND[kind]
    # Where there is but one class, Pydantic does not name its kind.
    return routes.get(last) or next(iter(routes.values()))


def _kind_of(place: Sequence[int | str]) -> str:
    return str(place[_KIND_AT])


def _path(place: Sequence[int | str]) -> str:
    """A place as ``models[0].backends[1].url``; Pydantic names the kinds of models and backends within it."""
    named = [part for at, part in enumerate(place) if at != _KIND_AT and part not in _BACKEND_KINDS]
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in named]
    return "".join(parts).removeprefix(".") or "document"


def _shown_value(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    return f"a list of {len(value)}" if isinstance(value, list) else shown(str(value))

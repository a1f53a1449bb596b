"""Elements of the array become typed tasks, and Pydantic's errors become Runware's."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from imagineart.apis.runware.errors import RefusedTaskError, last_name
from imagineart.quoting import shown

_UUID4: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE
)
_COLOUR: Final = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})", re.I)
_ABBREVIATIONS: Final = ("UUID", "URL", "URI", "NSFW")
_BOUNDS: Final = {"ge": "min", "le": "max", "min_length": "min", "max_length": "max"}
_NAMES_OF_TYPES: Final = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}


def wire_name(name: str) -> str:
    """``task_uuid`` as Runware spells it: ``taskUUID``."""
    first, *others = name.split("_")
    return first + "".join(
        each.upper() if each.upper() in _ABBREVIATIONS else each.capitalize() for each in others
    )


class Fields(BaseModel):
    """A task or a part of one: unknown fields are refused, and no type is converted in silence."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=wire_name, validate_by_name=False
    )


FieldsT = TypeVar("FieldsT", bound=Fields)


def _check_uuid(text: str) -> str:
    if not _UUID4.fullmatch(text):
        raise PydanticCustomError("uuid", "a UUID v4")
    return text


def _whole(value: Any) -> Any:
    # JSON Schema takes 7.0 for an integer.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _real(value: Any) -> Any:
    return float(value) if type(value) is int and abs(value) < 2**53 else value


def _check_colour(text: str) -> str:
    if not _COLOUR.fullmatch(text):
        raise PydanticCustomError("colour", "a colour such as #fa0 or #ffaa00")
    return text


Colour: TypeAlias = Annotated[str, AfterValidator(_check_colour)]
UuidText: TypeAlias = Annotated[str, AfterValidator(_check_uuid)]
Number: TypeAlias = Annotated[float, BeforeValidator(_real)]
WholeNumber: TypeAlias = Annotated[int, BeforeValidator(_whole)]


class Task(Fields):
    """What every task has."""

    task_type: str
    task_uuid: UuidText


def read_array(body: bytes) -> list[Any]:
    """The elements of a body. Raises RefusedTaskError."""
    try:
        text = body.decode("utf-8-sig")
        document = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:
            # A lone surrogate, which JSON can spell and UTF-8 cannot, raises here.
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise RefusedTaskError(
            "invalidJSON", "body", "got no JSON in UTF-8; allowed: an array of tasks."
        ) from error
    if not isinstance(document, list):
        raise RefusedTaskError("invalidJSON", "body", f"got {described(document)}; allowed: an array.")
    return document


def read_task(fields: type[FieldsT], element: Mapping[str, Any]) -> FieldsT:
    """The task of an element. Raises RefusedTaskError for the first bad field."""
    try:
        return fields.model_validate(element)
    except ValidationError as error:
        found = error.errors(include_url=False)
        # A misspelt field is the reason why another one is missing.
        unknown = [each for each in found if each["type"] == "extra_forbidden"]
        raise _refusal(fields, (unknown or found)[0]) from error


def described(value: Any) -> str:
    """A value of JSON in a few words."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else f"an array of {len(value)}"
    return shown(json.dumps(value)[:100])


def _refusal(fields: type[Fields], error: ErrorDetails) -> RefusedTaskError:
    place = [str(part) for part in error["loc"] if isinstance(part, str)]
    parameter = ".".join(place)
    if error["type"] == "extra_forbidden":
        allowed = ", ".join(sorted(_names(_model_at(fields, place[:-1]))))
        problem = f"is no parameter of this task; allowed: {allowed}."
        return RefusedTaskError("unsupportedParameter", shown(parameter).strip("'"), problem)
    field = _field_at(fields, place)
    bounds = _bounds_of(field)
    suffix = last_name(parameter)
    if error["type"] == "missing":
        return RefusedTaskError(
            f"missing{suffix}",
            parameter,
            f"is required; allowed: {_allowed(field)}.",
            bounds=bounds,
        )
    custom = error["msg"] if error["type"] in ("uuid", "colour") else None
    came = f"{len(error['input'])} characters" if _is_long(error) else described(error["input"])
    problem = f"got {came}; allowed: {custom or _allowed(field)}."
    return RefusedTaskError(f"invalid{suffix}", parameter, problem, bounds=bounds)


def _is_long(error: ErrorDetails) -> bool:
    return error["type"] in ("string_too_short", "string_too_long")


def _names(fields: type[Fields]) -> list[str]:
    return [field.alias or name for name, field in fields.model_fields.items()]


def _model_at(fields: type[Fields], place: Sequence[str]) -> type[Fields]:
    """The model of a nested object."""
    for name in place:
        nested = _field_named(fields, name).annotation
        fields = next(each for each in (*get_args(nested), nested) if _is_model(each))
    return fields


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Fields)


def _field_at(fields: type[Fields], place: Sequence[str]) -> FieldInfo:
    return _field_named(_model_at(fields, place[:-1]), place[-1])


def _field_named(fields: type[Fields], name: str) -> FieldInfo:
    return next(field for field in fields.model_fields.values() if field.alias == name)


def _types_in(annotation: Any) -> list[Any]:
    arguments = [each for each in get_args(annotation) if each is not type(None)]
    if get_origin(annotation) in (Literal, list):
        return [annotation]
    return [each for argument in arguments for each in _types_in(argument)] or [annotation]


def _bounds_of(field: FieldInfo) -> dict[str, Any]:
    """The type of a field and its bounds, as an error names them."""
    kind = _types_in(field.annotation)[0]
    origin = get_origin(kind)
    plain = type(get_args(kind)[0]) if origin is Literal else origin or kind
    bounds = {
        name: getattr(each, bound)
        for each in field.metadata
        for bound, name in _BOUNDS.items()
        if getattr(each, bound, None) is not None
    }
    return {"type": _NAMES_OF_TYPES.get(plain, "object"), **bounds}


def _allowed(field: FieldInfo) -> str:
    kind = _types_in(field.annotation)[0]
    if get_origin(kind) is Literal:
        return ", ".join(json.dumps(each).strip('"') for each in get_args(kind))
    bounds = _bounds_of(field)
    name, unit = bounds["type"], {"string": " characters", "array": " items"}.get(bounds["type"], "")
    article = "an" if name[0] in "aio" else "a"
    match bounds:
        case {"min": low, "max": high}:
            return f"{article} {name} of {low} to {high}{unit}"
        case {"min": low}:
            return f"{article} {name} of {low}{unit} or more"
    return f"{article} {name}"


def _refuse_constant(name: str) -> None:
    """Python reads NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{name} is not JSON")

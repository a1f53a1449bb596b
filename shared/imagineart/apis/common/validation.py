"""Submitted fields become a Pydantic model, and Pydantic's errors become our messages.

A message never quotes the prompt: text that is too long or too short is described by its length.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeAlias, TypeVar, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from imagineart.apis.common.fields import JsonObject, SubmittedFields
from imagineart.errors import InvalidFieldError, InvalidRequestError
from imagineart.quoting import shown

_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?")
_BOOLEANS: Final = {"true": True, "false": False}


Text: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
"""A prompt."""

ModelName: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, max_length=128)]


class Fields(BaseModel):
    """The base of every request model: unknown fields are refused, and no type is converted in silence.

    `refusals` says why names that callers know from elsewhere are refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    refusals: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def accepted_names(cls) -> tuple[str, ...]:
        """The names that an error message lists."""
        return tuple(cls.model_fields)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_other_values(cls, value: Any, info: ValidationInfo) -> Any:
        choices = choices_of(cls.model_fields[info.field_name or ""])
        # Python takes False for 0, and so does a Literal.
        if choices and (value not in choices or type(value) is not type(choices[0])):
            raise ValueError("not one of the choices")
        return value

    @classmethod
    def request_schema(cls) -> dict[str, Any]:
        """The JSON schema of the fields, the required ones first, as the OpenAPI document shows it."""
        schema = cls.model_json_schema()
        required = schema.get("required", [])
        by_need = sorted(schema["properties"].items(), key=lambda item: item[0] not in required)
        schema["properties"] = dict(by_need)
        for field in schema["properties"].values():
            field.pop("title", None)
            field.pop("note", None)
        return schema | {"title": cls.__name__.removesuffix("Fields") + "Request"}

    @classmethod
    def read(cls, submitted: SubmittedFields) -> Self:
        """The model of submitted fields. Raises InvalidRequestError for the first bad field."""
        return validate(cls, submitted.values, is_json=submitted.is_json)


Model = TypeVar("Model", bound=Fields)


def validate(model: type[Model], values: Mapping[str, Any], *, is_json: bool) -> Model:
    """The model of values: text in a form, any JSON value in JSON. Raises InvalidRequestError."""
    unknown = next((name for name in values if name not in model.model_fields), None)
    if unknown is not None:
        raise _unknown_field(model, unknown)
    file = next((name for name, value in values.items() if isinstance(value, bytes)), None)
    if file is not None:
        raise InvalidRequestError(file, "got a file; allowed: a text field, without a filename.")
    typed = {name: _typed(value, model.model_fields[name], is_json=is_json) for name, value in values.items()}
    try:
        return model.model_validate(typed)
    except ValidationError as error:
        raise _bad_field(model, error, is_json=is_json) from error


def _unknown_field(model: type[Fields], name: str) -> InvalidRequestError:
    # Found before Pydantic, which names no field whose name has a lone surrogate.
    if name in model.refusals:
        return InvalidRequestError(name, model.refusals[name])
    allowed = ", ".join(model.accepted_names())
    return InvalidRequestError("form", f"got the unknown field {shown(name)}; allowed: {allowed}.")


def _bad_field(model: type[Fields], error: ValidationError, *, is_json: bool) -> InvalidFieldError:
    """The message for the first of Pydantic's errors."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    field = model.model_fields[name]
    return InvalidFieldError(
        name, came=_what_came(first, field, is_json=is_json), allowed=allowed_values(field)
    )


def allowed_values(field: FieldInfo) -> str:
    """The values that a field accepts, in words."""
    choices = choices_of(field)
    if choices:
        return ", ".join(each if isinstance(each, str) else json.dumps(each) for each in choices)
    extra = field.json_schema_extra
    note = f" ({extra['note']})" if isinstance(extra, dict) and "note" in extra else ""
    if base_type(field) is int:
        return f"an integer from {bound(field, 'ge')} to {bound(field, 'le')}{note}"
    if base_type(field) is float:
        return f"between {bound(field, 'ge')} and {bound(field, 'le')}{note}"
    return f"{bound(field, 'min_length') or 0} to {bound(field, 'max_length')} characters{note}"


def choices_of(field: FieldInfo) -> tuple[Any, ...]:
    """The values of a Literal, or of a field whose schema has an enum; empty for another field."""
    for each in (field.annotation, *get_args(field.annotation)):
        if get_origin(each) is Literal:
            return get_args(each)
    extra = field.json_schema_extra
    choices: Any = extra.get("enum", ()) if isinstance(extra, dict) else ()
    return tuple(choices)


def base_type(field: FieldInfo) -> type:
    """``str``, ``int``, ``float`` or ``bool``."""
    choices = choices_of(field)
    if choices:
        return type(choices[0])
    named = (field.annotation, *get_args(field.annotation))
    return next((each for each in (int, float) if each in named), str)


def bound(field: FieldInfo, name: str) -> int | None:
    """A bound of a field: ``ge``, ``le``, ``min_length`` or ``max_length``; None where it has none."""
    bounds: list[int] = [
        getattr(each, name) for each in field.metadata if getattr(each, name, None) is not None
    ]
    return bounds[0] if bounds else None


def _typed(value: Any, field: FieldInfo, *, is_json: bool) -> Any:
    """A form's text as the field's type; what does not spell it stays text, which Pydantic refuses.

    In JSON, an integer may be spelt 7.0 or 7e0, as JSON Schema says.
    """
    if is_json:
        is_whole = isinstance(value, float) and value.is_integer()
        return int(value) if is_whole and base_type(field) is int else value
    if base_type(field) is int:
        return int(value) if _INTEGER.fullmatch(value) else value
    if base_type(field) is float:
        return float(value) if _NUMBER.fullmatch(value) else value
    return _BOOLEANS.get(value, value) if base_type(field) is bool else value


def _what_came(error: ErrorDetails, field: FieldInfo, *, is_json: bool) -> str:
    if error["type"] == "missing":
        return "the field is required"
    if error["type"] == "string_unicode":
        return "got a lone surrogate, which is no character"
    value = error["input"]
    if isinstance(value, str) and base_type(field) is str and not choices_of(field):
        return f"got {len(value.strip())} characters after trimming"
    is_quoted_number = is_json and isinstance(value, str) and base_type(field) in (int, float)
    return f"got {'the text ' if is_quoted_number else ''}{shown_value(value)}"


def shown_value(value: Any) -> str:
    """A value of a form or of JSON in quotes; a list or an object is only named."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, bytes):
        return "a file (a part with a filename)"
    if isinstance(value, bool):
        return "'true'" if value else "'false'"
    if isinstance(value, (int, float)):
        return shown(str(value)) if abs(value) < 1e30 else "a very large number"
    return "an object" if isinstance(value, JsonObject) else "a list"

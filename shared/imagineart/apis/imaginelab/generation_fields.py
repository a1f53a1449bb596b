"""The fields of a new generation and of a list."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from imagineart.accounts.model import MAX_SAFE_INTEGER
from imagineart.apis.common.fields import JsonObject
from imagineart.apis.common.validation import Fields, shown_value
from imagineart.errors import InvalidRequestError
from imagineart.generations.manage_generations import MAX_LISTED
from imagineart.generations.model import GenerationStatus, GenerationType

MAX_PROMPT_CHARACTERS: Final = 20_000
"""The most that any model may take; each has its own bound."""


def one_of(*choices: str) -> dict[str, Any]:
    """The schema of a field that has one of these values."""
    return {"enum": [str(each) for each in choices]}


class GenerationFields(Fields):
    """What to generate."""

    generation_type: str = Field(json_schema_extra=one_of(*GenerationType))
    model_name: str = Field(min_length=1, max_length=127)
    prompt: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(
        min_length=1, max_length=MAX_PROMPT_CHARACTERS
    )
    settings: Any = None
    project_id: Any = None

    @property
    def own_settings(self) -> Mapping[str, Any]:
        """The settings by name. Raises InvalidRequestError for what is no object."""
        if self.settings is None:
            return {}
        if not isinstance(self.settings, JsonObject):
            raise InvalidRequestError("settings", "got no object; allowed: an object, or null.")
        values = dict(self.settings)
        if len(values) < len(self.settings):
            raise InvalidRequestError("settings", "a setting came more than once; allowed: once.")
        return {name: value for name, value in values.items() if value is not None}

    @property
    def own_project(self) -> int | str | None:
        """The project. Raises InvalidRequestError."""
        project = self.project_id
        is_number = type(project) is int and 0 <= project <= MAX_SAFE_INTEGER
        is_text = isinstance(project, str) and 1 <= len(project) <= 64 and project.isprintable()
        if project is None or is_number or is_text:
            return project  # type: ignore[no-any-return]
        allowed = f"an integer from 0 to {MAX_SAFE_INTEGER}, or 1 to 64 characters, or null."
        raise InvalidRequestError("project_id", f"got {shown_value(project)}; allowed: {allowed}")


class ListFields(Fields):
    """Which generations to list."""

    skip: int = Field(0, ge=0, le=MAX_LISTED)
    limit: int = Field(100, ge=1, le=MAX_LISTED)
    generation_type: str = Field("", json_schema_extra=one_of("", *GenerationType))
    status: str = Field("", json_schema_extra=one_of("", *GenerationStatus))
    project_id: str = Field("", max_length=64)

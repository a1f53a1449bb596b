"""Values of callers, quoted for error messages."""

from typing import Any, Final

_SHOWN_CHARACTERS: Final = 60


class JsonObject(list[tuple[str, Any]]):
    """The members of a JSON object in order, repeated ones included."""


def shown(text: str) -> str:
    """`text` in quotes, cut so that a hostile value cannot flood the response.

    A lone surrogate, which JSON can spell and UTF-8 cannot, is escaped.
    """
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return f"'{cut.encode(errors='backslashreplace').decode()}'"


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

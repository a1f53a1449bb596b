"""Values of callers, quoted for error messages."""

from typing import Final

_SHOWN_CHARACTERS: Final = 60


def shown(text: str) -> str:
    """`text` in quotes, cut so that a hostile value cannot flood the response.

    A lone surrogate, which JSON can spell and UTF-8 cannot, is escaped.
    """
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return f"'{cut.encode(errors='backslashreplace').decode()}'"

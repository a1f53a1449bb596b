"""The voices of the studio."""

from collections.abc import Mapping
from typing import Final

VOICES: Final[Mapping[str, str]] = {
    "alloy": "en-us",
    "echo": "en-gb+m3",
    "nova": "en-us+f3",
    "fable": "en-gb+f2",
}
"""What espeak-ng calls each."""

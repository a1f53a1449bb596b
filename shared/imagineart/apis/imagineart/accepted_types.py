"""Whether a caller wants its image as JSON or as the file itself. Source: RFC 9110, 12.5.1 (Accept)."""

from collections.abc import Iterator
from typing import Final

_JSON_RANGES: Final = ("application/json", "application/*", "*/*")


def prefers_json(accept: str, *, image_type: str = "image/png", otherwise: bool) -> bool:
    """Whether `accept` gives JSON more weight than the image; `otherwise` where it gives both the same.

    The most specific range decides the weight of a type. An absent or empty header, and one that accepts
    neither, prefer nothing. A range whose weight is malformed is ignored.
    """
    weights = dict(_ranges(accept))
    json, image = _weight(weights, _JSON_RANGES), _weight(weights, (image_type, "image/*", "*/*"))
    return otherwise if json == image else json > image


def _weight(weights: dict[str, float], ranges: tuple[str, ...]) -> float:
    return next((weights[each] for each in ranges if each in weights), 0.0)


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for entry in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in entry.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        try:
            number = float(weight)
        except ValueError:
            continue
        if 0 <= number <= 1:
            yield media_range, number

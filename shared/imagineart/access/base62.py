"""Numbers as text of digits and letters alone, which need no escaping in a URL, a form or a shell."""

from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def to_base62(number: int, length: int) -> str:
    """The lowest `length` base-62 digits of a number from 0 up, most significant first."""
    digits: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def from_base62(text: str) -> int:
    """The number whose digits are `text`. Raises ValueError for another character."""
    number = 0
    for character in text:
        number = number * 62 + _DIGITS.index(character)
    return number

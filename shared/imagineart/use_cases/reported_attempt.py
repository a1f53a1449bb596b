"""Work on which no answer depends."""

from collections.abc import Callable

from imagineart.domain.errors import ImagineArtError


def attempt(act: Callable[[], None], report: Callable[[str], None]) -> None:
    """Do it; what of our own error tree fails is told to `report` and not raised."""
    try:
        act()
    except ImagineArtError as error:
        report(error.detail or error.message)

"""What of the third-party packages is shipped: what the project's own code can import, less what is named.

A module of a package goes along if an import statement leads to it from a function, the package imagineart or
the streaming layer, however many modules lie between; a bundled library, if a shipped one needs it. Each
exception has its reason. `tests/functions/test_shipped_package.py` runs every operation on what is left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

ARCHITECTURES: Final[Mapping[str, str]] = MappingProxyType({"arm64": "aarch64", "x86_64": "x86_64"})
"""Lambda's names of its processors, and the names that wheels have for them."""

PLATFORM_VERSIONS: Final = ("2_34", "2_28", "2_27", "2_26", "2_17")
"""The manylinux versions whose wheels run on Lambda's Amazon Linux 2023, which has glibc 2.34."""

PYTHON: Final = (3, 13)
"""What Lambda runs: compiled files fit no other version."""

ALSO_SHIPPED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PIL.WebPImagePlugin": "Pillow loads its formats by name, this one when others do not fit",
        "anyio._backends._asyncio": "anyio loads event loops by name, and Starlette asks it for threads",
    }
)
"""Modules that no import statement names."""

LEFT_OUT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PIL.ImageQt": "shows pictures on a screen",
        "PIL.ImageShow": "shows pictures on a screen",
        "PIL.ImageWin": "shows pictures on a screen",
        "aws_lambda_powertools.event_handler": "Starlette answers requests",
        "idna": "names of hosts beyond ASCII, which anyio is never asked for",
        "multipart": "the old name of python_multipart",
    }
)
"""Modules, and everything inside them, that some import statement names and no request reaches."""


@dataclass(frozen=True, slots=True)
class UnneededLibrary:
    """A bundled library that is left out although a compiled file is linked to it, by the beginnings of their
    names, and the `symbols` of it that the file names and never calls."""

    library: str
    by: str
    symbols: frozenset[str]


UNNEEDED_LIBRARIES: Final = (
    # HEIC is read, by libde265, and never written. x265, which would write it, is half of the layer and GPL.
    UnneededLibrary("libx265", "libheif", frozenset({"x265_api_get_217", "x265_cleanup"})),
    # Nothing takes pictures of an X11 screen.
    UnneededLibrary(
        "libxcb",
        "_imaging",
        frozenset(
            {
                "xcb_connect", "xcb_connection_has_error", "xcb_disconnect", "xcb_get_image",
                "xcb_get_image_data", "xcb_get_image_data_length", "xcb_get_image_reply", "xcb_get_setup",
                "xcb_screen_next", "xcb_setup_roots_iterator",
            }
        ),
    ),
)  # fmt: skip

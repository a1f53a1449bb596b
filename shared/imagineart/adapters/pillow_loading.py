"""Loading Pillow in a thread, so that who waits for a backend does not wait for that afterwards."""

from threading import Lock, Thread
from typing import Final

_order: Final = Lock()
_begun: Final[list[Thread]] = []
"""The one thread that loads, once it has begun; read and changed in order."""


def load_pillow_meanwhile() -> None:
    """Begin, unless it has begun; returns at once, or when another thread has imported the first of it."""
    with _order:
        if not _begun:
            thread = Thread(target=_load, name="load Pillow", daemon=True)
            thread.start()
            _begun.append(thread)


def await_pillow() -> None:
    """Return when it is not being loaded: two threads that import a cycle may see halves of it.

    Where nobody has begun, what all the rest of Pillow imports is there afterwards, before anybody can begin.
    """
    with _order:
        if not _begun:
            from PIL import Image

            del Image
            return
    _begun[0].join()


def _load() -> None:
    """What turning any picture of a backend into a PNG takes."""
    from PIL import Image, ImageCms, ImageOps, WebPImagePlugin

    del ImageCms, ImageOps, WebPImagePlugin
    Image.preinit()

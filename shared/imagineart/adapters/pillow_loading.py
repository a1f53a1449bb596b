"""Loading Pillow in a thread, so that who waits for a backend does not wait for that afterwards."""

from functools import cache
from threading import Thread


def load_pillow_meanwhile() -> None:
    """Begin, unless it has begun; returns at once."""
    _loading()


def await_pillow() -> None:
    """Return when it is not being loaded: two threads that import a cycle may see halves of it."""
    if _loading.cache_info().currsize:
        _loading().join()


@cache
def _loading() -> Thread:
    thread = Thread(target=_load, name="load Pillow", daemon=True)
    thread.start()
    return thread


def _load() -> None:
    """What turning any picture of a backend into a PNG takes."""
    from PIL import Image, ImageCms, ImageOps, WebPImagePlugin

    del ImageCms, ImageOps, WebPImagePlugin
    Image.preinit()

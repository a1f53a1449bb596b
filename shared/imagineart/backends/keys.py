"""The API keys of inference backends."""

from collections.abc import Callable, Mapping
from typing import Any, Final

BACKEND_KEYS_CACHED_SECONDS: Final = 60.0


class BackendKeys:
    """Keys by the host of the backend's URL, as it stands there: ``{"<host>[:<port>]": "<key>"}``."""

    def __init__(self, read: Callable[[], Mapping[str, Any]]) -> None:
        """`read` gives the whole document, and caches what it reads."""
        self._read = read

    def key_for(self, host: str) -> str | None:
        """The key, or None where the backend needs none. Raises what `read` raises."""
        key = self._read().get(host)
        return str(key) if key else None

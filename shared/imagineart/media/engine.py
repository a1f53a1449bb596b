"""The protocols of an engine: what makes a file at once, and what takes an order and makes it by itself."""

from typing import Any, Protocol, TypeAlias, runtime_checkable

from imagineart.errors import ModelError
from imagineart.media.model import MediaRequest


class OrderFailedError(ModelError):
    """The backend gave up what it was ordered to make."""

    code = "model_error"


class MediaEngine[RequestT: MediaRequest](Protocol):
    """A backend that makes a file within a call."""

    async def make(self, request: RequestT) -> bytes:
        """The file, which is not checked yet. Raises what `ImageBackend.generate` raises."""


@runtime_checkable
class OrdersMedia[RequestT: MediaRequest](Protocol):
    """A backend that takes orders. `place` names it among all backends, now and in later environments."""

    @property
    def place(self) -> str: ...

    async def order(self, request: RequestT) -> str:
        """The id of a new order. Raises what `ImageBackend.generate` raises."""

    async def fetch(self, order_id: str) -> bytes | None:
        """The file, which is not checked yet; None while it is being made.

        Raises what `ImageBackend.generate` raises, and OrderFailedError.
        """


AnyEngine: TypeAlias = MediaEngine[Any] | OrdersMedia[Any]
"""Each takes requests of one kind, which is that of its model."""

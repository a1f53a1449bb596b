"""The backends of each model, as long as its document names the same."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol


class HasBackends(Protocol):
    """A model of the document."""

    @property
    def id(self) -> str: ...

    @property
    def backends(self) -> Sequence[Any]: ...


class ModelBackends[ModelT: HasBackends, BackendsT]:
    """Builds the backends of a model at its first request, and again when its document names others.

    So the circuit breakers of a model whose routes did not change outlive a new version of the document.
    A request in progress ends on the backends that it began with.
    """

    def __init__(self, build: Callable[[ModelT], BackendsT]) -> None:
        """`build` makes the backends of a model."""
        self._build = build
        self._built: dict[str, tuple[Sequence[Any], BackendsT]] = {}

    def of(self, model: ModelT) -> BackendsT:
        """What makes the model's images or media."""
        built = self._built.get(model.id)
        if built is None or built[0] != model.backends:
            built = self._built[model.id] = model.backends, self._build(model)
        return built[1]

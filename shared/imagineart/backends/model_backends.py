"""The backends of each model, as long as its document names the same."""

from collections.abc import Callable

from imagineart.backends.call_backends import Backends
from imagineart.models.model import Model
from imagineart.models.routes import AnyRoute


class ModelBackends:
    """Builds the backends of a model at its first request, and again when other routes lead to them.

    So the circuit breakers of a model whose routes did not change outlive a new version of the document.
    A request in progress ends on the backends that it began with.
    """

    def __init__(self, build: Callable[[Model], Backends]) -> None:
        self._build = build
        self._built: dict[str, tuple[tuple[AnyRoute, ...], Backends]] = {}

    def of(self, model: Model) -> Backends:
        """The backends that make the model's images."""
        routes, backends = self._built.get(model.id, ((), None))
        if backends is None or routes != model.backends:
            backends = self._build(model)
            self._built[model.id] = model.backends, backends
        return backends

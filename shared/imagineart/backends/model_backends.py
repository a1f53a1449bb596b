"""The backends of each model, as long as its document names the same."""

from collections.abc import Callable, Sequence

from imagineart.backends.call_backends import AttemptFinished, Backends
from imagineart.backends.make_transparent import CutOutBackends
from imagineart.backends.model import Route
from imagineart.errors import ImagineArtError
from imagineart.images.model import ImageRequest
from imagineart.images.operations import ModelOperation
from imagineart.models.model import Model, ModelsDocument
from imagineart.models.routes import AnyRoute


class ModelBackends:
    """Builds the backends of a model at its first request, and again when its document names others.

    So the circuit breakers of a model whose routes did not change outlive a new version of the document.
    A request in progress ends on the backends that it began with.
    """

    def __init__(
        self,
        build_routes: Callable[[Sequence[AnyRoute]], Sequence[Route]],
        *,
        random_fraction: Callable[[], float],
        attempt_finished: AttemptFinished,
        report_failure: Callable[[str, ImagineArtError], None],
    ) -> None:
        """See `Backends` for the last three."""
        self._build_routes = build_routes
        self._random_fraction = random_fraction
        self._attempt_finished = attempt_finished
        self._report_failure = report_failure
        self._built: dict[str, tuple[Sequence[AnyRoute], Backends]] = {}

    def making(
        self, request: ImageRequest, model: Model, document: ModelsDocument
    ) -> Backends | CutOutBackends:
        """What makes the images of a request to a model.

        Where they are to be transparent and the model makes no transparency, its images are cut out by the
        document's model for that.
        """
        remover = document.background_remover
        is_made = request.background != "transparent" or model.capabilities.transparency
        if is_made or remover is None or request.operation is ModelOperation.REMOVE_BACKGROUND:
            return self.of(model)
        return CutOutBackends(self.of(model), self.of(remover))

    def of(self, model: Model) -> Backends:
        """The backends that make the model's images."""
        built = self._built.get(model.id)
        if built is None or built[0] != model.backends:
            backends = Backends(
                self._build_routes(model.backends),
                random_fraction=self._random_fraction,
                attempt_finished=self._attempt_finished,
                report_failure=self._report_failure,
            )
            built = self._built[model.id] = model.backends, backends
        return built[1]

"""The models document as a Lambda environment holds it: read on a request, and again within a minute."""

from collections.abc import Callable
from typing import Final

from imagineart.errors import InternalError
from imagineart.models.model import ModelsDocument
from imagineart.models.read_document import InvalidModelsError, packaged_document, read_document
from imagineart.models.store import CurrentVersion

MODELS_CACHED_SECONDS: Final = 60.0


class CurrentModels:
    """The document that holds. While it cannot be read, or is bad, the last good one is kept.

    A new environment has none: it fails then, since the models of the package may be others than the
    operator's, and cost or send prompts elsewhere.
    """

    def __init__(
        self,
        read: Callable[[], CurrentVersion],
        report: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        """`report` gets a warning each time that the last good document is kept."""
        self._read = read
        self._report = report
        self._clock = clock
        self._held: tuple[CurrentVersion, ModelsDocument] | None = None
        self._read_at = 0.0

    def current(self) -> ModelsDocument:
        """The document. Raises InternalError where there is none, and AwsCallError, which is one."""
        now = self._clock()
        # A clock that was set back makes no document younger.
        if self._held is not None and 0 <= now - self._read_at < MODELS_CACHED_SECONDS:
            return self._held[1]
        try:
            self._held = self._read_again()
        except InternalError as error:
            if self._held is None:
                raise
            self._report(f"version {self._held[0].version} of the models is kept: {error.detail}")
        self._read_at = now
        return self._held[1]

    def _read_again(self) -> tuple[CurrentVersion, ModelsDocument]:
        version = self._read()
        if self._held is not None and version == self._held[0]:
            return self._held
        try:
            return version, packaged_document() if version.document is None else read_document(
                version.document
            )
        except InvalidModelsError as error:
            raise InternalError(detail=f"version {version.version} of the models: {error}") from error

"""The operator's side of the models document: check, apply, list and roll back its versions."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from imagineart.errors import InternalError, NotFoundError
from imagineart.models.model import ModelsDocument
from imagineart.models.read_document import PACKAGED_FILE, InvalidModelsError, read_document
from imagineart.models.store import PACKAGED_VERSION, AppliedVersion, CurrentVersion


class ChangedMeanwhileError(Exception):
    """Another operator changed the models at the same time."""

    def __init__(self) -> None:
        super().__init__("Another change of the models came first. Look at 'models history', and try again.")


@dataclass(frozen=True, slots=True)
class HeldModels:
    """The version that holds: its number, its JSON, and what that says."""

    version: int
    text: str
    document: ModelsDocument


class ModelVersions(Protocol):
    """Where versions of the document are kept; see `ModelStore`."""

    def current(self) -> CurrentVersion: ...

    def find(self, version: int) -> str | None: ...

    def versions(self) -> Iterable[AppliedVersion]: ...

    def add(self, version: int, document: str, *, now: int) -> bool: ...

    def move(self, before: CurrentVersion, after: CurrentVersion, *, now: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class ManageModels:
    """Checks, applies and rolls back the models document.

    `find_problems` names what a valid document asks of its backends that they cannot do.
    """

    store: ModelVersions
    find_problems: Callable[[ModelsDocument], list[str]]
    clock: Callable[[], float]

    def current(self) -> HeldModels:
        """The version that holds. Raises InternalError where it was edited into something else."""
        held = self.store.current()
        text = PACKAGED_FILE.read_text() if held.document is None else held.document
        try:
            return HeldModels(held.version, text, read_document(text))
        except InvalidModelsError as error:
            raise InternalError(detail=f"version {held.version} of the models: {error}") from error

    def check(self, text: str) -> ModelsDocument:
        """The document that could be applied. Raises InvalidModelsError."""
        document = read_document(text)
        problems = self.find_problems(document)
        if problems:
            raise InvalidModelsError(problems)
        return document

    def apply(self, text: str) -> int:
        """Make a document the one that holds; return its version.

        A document that holds already keeps its version. Raises InvalidModelsError, ChangedMeanwhileError.
        """
        self.check(text)
        before = self.store.current()
        if before.document == text:
            return before.version
        version = 1 + max((each.version for each in self.store.versions()), default=PACKAGED_VERSION)
        if not self.store.add(version, text, now=self._now()):
            raise ChangedMeanwhileError
        self._move(before, CurrentVersion(version, text))
        return version

    def history(self) -> tuple[int, list[AppliedVersion]]:
        """The version that holds, and every version that was applied, the newest first."""
        applied = sorted(self.store.versions(), key=lambda each: -each.version)
        return self.store.current().version, applied

    def rollback(self, version: int | None) -> int:
        """Make an earlier version the one that holds, by default the one before; return its number.

        Version 0 is the document of the package. Raises NotFoundError, InvalidModelsError where the version
        is bad by now, ChangedMeanwhileError.
        """
        before = self.store.current()
        wanted = before.version - 1 if version is None else version
        document = None if wanted == PACKAGED_VERSION else self.store.find(wanted)
        if document is None and wanted != PACKAGED_VERSION:
            raise NotFoundError("version", str(wanted))
        if document is not None:
            self.check(document)
        self._move(before, CurrentVersion(wanted, document))
        return wanted

    def _move(self, before: CurrentVersion, after: CurrentVersion) -> None:
        if not self.store.move(before, after, now=self._now()):
            raise ChangedMeanwhileError

    def _now(self) -> int:
        return int(self.clock())

"""What an authenticated endpoint does, and the scope that a token needs for it."""

from dataclasses import dataclass

from imagineart.access.tokens import Scope
from imagineart.models.model import ModelOperation


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint. `name` stands in usage reports; `of_models` is what it asks of a model, if anything."""

    name: str
    scope: Scope
    of_models: ModelOperation | None = None

"""What an endpoint does, and the scope that a token needs for it."""

from dataclasses import dataclass

from imagineart.access.tokens import Scope
from imagineart.images.operations import ModelOperation


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint; `of_models` is what it asks of a model, if anything.

    `name` stands in usage reports where no model was chosen. A token needs `scope`, or `other_scope` where
    there is one; `scope` is None where no token is needed.
    """

    name: str
    scope: Scope | None
    of_models: ModelOperation | None = None
    other_scope: Scope | None = None

"""What an authenticated endpoint does, and the scope that a token needs for it."""

from dataclasses import dataclass

from imagineart.access.tokens import Scope
from imagineart.models.catalogue import Model


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint. `name` stands in usage reports; `model` makes its images, None where it makes none.

    A token needs `scope`, or `other_scope` where there is one.
    """

    name: str
    scope: Scope
    model: Model | None = None
    other_scope: Scope | None = None

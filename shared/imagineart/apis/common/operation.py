"""What an endpoint does, and the scope that a token needs for it."""

from dataclasses import dataclass

from imagineart.access.tokens import Scope
from imagineart.models.catalogue import Model


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint. `name` stands in usage reports; `model` makes its images, None where it makes none.

    `scope` is None where no token is needed.
    """

    name: str
    scope: Scope | None
    model: Model | None = None

"""What an endpoint does, and the scope that a token needs for it."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from imagineart.access.tokens import Scope
from imagineart.apis.common.authorization import header_token
from imagineart.images.operations import ModelOperation


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint; `of_models` is what it asks of a model, if anything.

    `name` stands in usage reports where no model was chosen. A token needs `scope`, or `other_scope` where
    there is one; `scope` is None where no token is needed. Where it `makes_jobs`, every request for images
    becomes a job; otherwise one that prefers it does. `token_of` finds the token in a request, before
    its body is parsed.
    """

    name: str
    scope: Scope | None
    of_models: ModelOperation | None = None
    other_scope: Scope | None = None
    makes_jobs: bool = False
    token_of: Callable[[Request], str | None] = header_token

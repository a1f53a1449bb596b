"""Pictures from every configured backend, and what is wrong where none comes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from imagineart.errors import (
    ImagineArtError,
    InternalError,
    InvalidRequestError,
    ModelAuthError,
    ModelNotAvailableError,
    ModelTimeoutError,
    ModelUnavailableError,
    OrderRefusedError,
    RateLimitedError,
)
from imagineart.images.kinds import ReferenceImage
from imagineart.images.model import EditOrder, GenerationOrder
from imagineart.domain.ports import PictureFinisher
from imagineart.images.sizes import output_size
from imagineart.backends.call_backends import Route

TRIAL_SECONDS: Final = 120.0
_SIZE: Final = output_size("1:1", "2K")
"""The default of the API, for which a backend may need more than its model."""

_PROMPT: Final = "A red lighthouse on a cliff at noon"
_SEED: Final = 7

_ADVICE: Final[Sequence[tuple[type[ImagineArtError], str]]] = (
    (
        ModelAuthError,
        "The backend refused the credential. Store its API key under its host in the secret of the output "
        "BackendCredentialSecret; for Bedrock, enable access to the model in the account and region.",
    ),
    (
        ModelNotAvailableError,
        "The backend does not serve this model at this place. Compare the route's URL, which ends in /v1 "
        "with most servers, its model, and for Bedrock its region, with docs/backends.md.",
    ),
    (
        ModelUnavailableError,
        "Nobody answered, or the backend is overloaded or starting. Check that it runs, and that its host "
        "and port can be reached from here.",
    ),
    (
        ModelTimeoutError,
        "No picture came in time. Try again once the model is warm, or give the route more time or a faster "
        "model.",
    ),
    (
        OrderRefusedError,
        "The backend does not take such an order. Compare the route's kind, and its model, with what runs "
        "there.",
    ),
    (RateLimitedError, "The backend is at its limit. Try again later, or raise its quota."),
    (InvalidRequestError, "The backend's content policy refused a harmless prompt. Check its settings."),
    (InternalError, "The API key could not be read. Check that the secret exists and that you may read it."),
)
_OTHERWISE: Final = (
    "The backend answered something that is no picture. Check that its URL ends as its kind needs."
)


@dataclass(frozen=True, slots=True)
class Trial:
    """How one route fared: a picture of `picture_bytes`, or what failed and what to do about it."""

    model_id: str
    route: str
    seconds: float
    picture_bytes: int = 0
    failure: str | None = None
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class TryBackends:
    """Asks each route by itself, without retries; `clock` is monotonic, in seconds."""

    finisher: PictureFinisher
    clock: Callable[[], float] = time.monotonic

    def try_generation(self, model_id: str, route: Route) -> Trial:
        """One square 2K picture from text."""
        order = GenerationOrder(_PROMPT, _SIZE, _SEED, "low")
        return self._try(model_id, route, order)

    def try_edit(self, model_id: str, route: Route, references: Sequence[ReferenceImage]) -> Trial:
        """The same, from `references`."""
        order = EditOrder(_PROMPT, _SIZE, _SEED, tuple(references))
        return self._try(f"{model_id} of {len(references)}", route, order)

    def _try(self, model_id: str, route: Route, order: GenerationOrder | EditOrder) -> Trial:
        started = self.clock()
        seconds = min(TRIAL_SECONDS, route.attempt_seconds or TRIAL_SECONDS)
        try:
            if isinstance(order, GenerationOrder):
                answer = route.backend.generate(order, deadline_seconds=seconds)
            else:
                answer = route.backend.edit(order, deadline_seconds=seconds)
            picture_bytes = sum(map(len, self.finisher.finish(answer, order.size)))
        except ImagineArtError as error:
            failure = error.detail or error.message
            return Trial(model_id, route.name, self.clock() - started, failure=failure, advice=_advise(error))
        return Trial(model_id, route.name, self.clock() - started, picture_bytes)


def _advise(error: ImagineArtError) -> str:
    return next((advice for kind, advice in _ADVICE if isinstance(error, kind)), _OTHERWISE)

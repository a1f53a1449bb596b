"""The operator's side of consumers: register, list, change, remove."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from imagineart.access.consumers import TIERS, Consumer, check_models
from imagineart.access.limits import Limits
from imagineart.errors import InvalidRequestError, NotFoundError

DEFAULT_TIER: Final = "basic"

_Value = TypeVar("_Value")


class ConsumerRegister(Protocol):
    """The consumers that tokens may be issued to."""

    def add_consumer(self, consumer: Consumer) -> bool:
        """Keep a new consumer; False where the id is taken."""

    def replace_consumer(self, consumer: Consumer) -> bool:
        """Give a consumer other limits and models, from its next request on; False where there is none."""

    def remove_consumer(self, consumer_id: str) -> None:
        """Forget a consumer, if there is one."""

    def find_consumer(self, consumer_id: str) -> Consumer | None:
        """The consumer, or None."""

    def list_consumers(self) -> list[Consumer]:
        """Every consumer, in no order."""


@dataclass(frozen=True, slots=True)
class ConsumerChange:
    """What to set of a consumer; None leaves a value as it is.

    A tier sets its limits, and a limit that is also named replaces the tier's. A tier that does not bound the
    images a day leaves their bound as it is: only `lifts_images_per_day` removes it.
    """

    tier: str | None = None
    requests_per_minute: int | None = None
    concurrent_requests: int | None = None
    images_per_day: int | None = None
    lifts_images_per_day: bool = False
    models: frozenset[str] | None = None
    allows_all_models: bool = False

    def __post_init__(self) -> None:
        """Raises InvalidRequestError for an unknown tier, and for what contradicts itself."""
        if self.tier is not None and self.tier not in TIERS:
            raise InvalidRequestError("tier", f"got '{self.tier[:80]}'; allowed: {', '.join(TIERS)}.")
        if self.lifts_images_per_day and self.images_per_day is not None:
            raise InvalidRequestError(
                "images_per_day", "got a bound and the removal of the bound; give one of them."
            )
        if self.allows_all_models and self.models is not None:
            raise InvalidRequestError("models", "got some and all; give one of them.")

    def applied_to(self, consumer: Consumer) -> Consumer:
        """The consumer as it is afterwards. Raises InvalidRequestError for a value out of bounds."""
        models = consumer.models if self.models is None else self.models
        return replace(
            consumer,
            limits=self._limits(consumer.limits),
            models=None if self.allows_all_models else models,
        )

    def _limits(self, held: Limits) -> Limits:
        base = TIERS[self.tier] if self.tier else held
        images = _set_or(self.images_per_day, _set_or(base.images_per_day, held.images_per_day))
        return Limits(
            requests_per_minute=_set_or(self.requests_per_minute, base.requests_per_minute),
            concurrent_requests=_set_or(self.concurrent_requests, base.concurrent_requests),
            images_per_day=None if self.lifts_images_per_day else images,
        )


@dataclass(frozen=True, slots=True)
class ManageConsumers:
    """Registers, lists, changes and removes consumers.

    They may be allowed the models that `model_ids` gives.
    """

    consumers: ConsumerRegister
    model_ids: Callable[[], Collection[str]]

    def create(self, consumer_id: str, change: ConsumerChange) -> Consumer:
        """A new consumer of the tier `basic`, except for what `change` sets.

        Raises InvalidRequestError for a value out of bounds, an unknown model, and an id that is taken.
        """
        self._check(change)
        consumer = change.applied_to(Consumer(consumer_id, TIERS[DEFAULT_TIER]))
        if not self.consumers.add_consumer(consumer):
            raise InvalidRequestError("consumer", f"got '{consumer_id}', which exists already.")
        return consumer

    def list(self) -> list[Consumer]:
        """Every consumer, by id."""
        return sorted(self.consumers.list_consumers(), key=lambda consumer: consumer.id)

    def find(self, consumer_id: str) -> Consumer:
        """The consumer. Raises InvalidRequestError for a malformed id, NotFoundError for an unknown one."""
        return find_registered(self.consumers, consumer_id)

    def update(self, consumer_id: str, change: ConsumerChange) -> Consumer:
        """The changed consumer; the change holds from its next request on.

        Raises InvalidRequestError for a value out of bounds, an unknown model, and an empty change;
        NotFoundError for an unknown consumer.
        """
        self._check(change)
        if change == ConsumerChange():
            raise InvalidRequestError("consumer", "got nothing to change; name a tier, a limit or models.")
        consumer = change.applied_to(self.find(consumer_id))
        if not self.consumers.replace_consumer(consumer):
            raise NotFoundError("consumer", consumer_id)
        return consumer

    def remove(self, consumer_id: str) -> None:
        """Forget a consumer, whose tokens are refused from the next request on; its usage stays."""
        self.consumers.remove_consumer(consumer_id)

    def _check(self, change: ConsumerChange) -> None:
        if change.models is not None:
            check_models(change.models, self.model_ids())


def find_registered(consumers: ConsumerRegister, consumer_id: str) -> Consumer:
    """The consumer. Raises InvalidRequestError for a malformed id, NotFoundError for an unknown one."""
    # A malformed id is refused here, before it reaches a store.
    Consumer(consumer_id, TIERS[DEFAULT_TIER])
    consumer = consumers.find_consumer(consumer_id)
    if consumer is None:
        raise NotFoundError("consumer", consumer_id)
    return consumer


def _set_or(value: _Value | None, otherwise: _Value) -> _Value:
    return otherwise if value is None else value

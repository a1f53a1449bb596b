"""The operator's report of usage."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Protocol

from imagineart.access.manage_consumers import ConsumerRegister, find_registered
from imagineart.errors import InvalidRequestError
from imagineart.usage.model import UsageRow

DEFAULT_DAYS: Final = 7


class CountedUsage(Protocol):
    """Where usage is counted."""

    def rows(self, consumer_id: str, *, first_day: str, last_day: str) -> list[UsageRow]:
        """What is counted of a consumer from the first to the last day (UTC, ISO form)."""


@dataclass(frozen=True, slots=True)
class ReportUsage:
    """Reads the usage of consumers."""

    usage: CountedUsage
    consumers: ConsumerRegister
    clock: Callable[[], float]

    def rows(
        self, *, consumer_id: str | None, first_day: date | None, last_day: date | None
    ) -> list[UsageRow]:
        """What is counted by consumer, day, model, resolution and outcome, in that order.

        Without `consumer_id` it covers every consumer, without `last_day` it ends today (UTC), and without
        `first_day` it covers seven days. Raises InvalidRequestError where the last day comes before the
        first; NotFoundError for an unknown consumer.
        """
        last = last_day or datetime.fromtimestamp(self.clock(), UTC).date()
        # The calendar has a first day, before which no week can begin.
        days_before = timedelta(DEFAULT_DAYS - 1)
        first = first_day or max(last, date.min + days_before) - days_before
        if last < first:
            raise InvalidRequestError("to", f"got {last}; allowed: days from {first} on.")
        if consumer_id is None:
            consumer_ids = [consumer.id for consumer in self.consumers.list_consumers()]
        else:
            consumer_ids = [find_registered(self.consumers, consumer_id).id]
        rows = [
            row
            for each in consumer_ids
            for row in self.usage.rows(each, first_day=first.isoformat(), last_day=last.isoformat())
        ]
        return sorted(
            rows, key=lambda row: (row.consumer_id, row.day, row.operation, row.resolution, row.outcome)
        )

"""The operator's account of requests."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from imagineart.usage.model import UsageRow
from imagineart.errors import InvalidRequestError
from imagineart.domain.ports import Clock, ConsumerRegister, UsageLedger
from imagineart.access.manage_consumers import find_registered

DEFAULT_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class ReportUsage:
    """Reads what is counted of every request."""

    usage: UsageLedger
    consumers: ConsumerRegister
    clock: Clock

    def __call__(
        self, *, consumer_id: str | None, first_day: date | None, last_day: date | None
    ) -> list[UsageRow]:
        """What is counted by consumer, day, model, resolution and outcome, in that order.

        Of every consumer where none is named, and of seven days up to the last, which is today (UTC) unless
        named. Raises InvalidRequestError where the last day comes before the first; NotFoundError for an
        unknown consumer.
        """
        last = last_day or datetime.fromtimestamp(self.clock(), UTC).date()
        # The calendar begins on a day, and so a week cannot always be taken from it.
        days_before = timedelta(DEFAULT_DAYS - 1)
        first = first_day or max(last, date.min + days_before) - days_before
        if last < first:
            raise InvalidRequestError("to", f"got {last}; allowed are days from {first} on.")
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

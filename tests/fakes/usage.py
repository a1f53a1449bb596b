"""Usage, kept in memory."""

from collections import Counter
from dataclasses import dataclass, field

from imagineart.aws import AwsCallError
from imagineart.usage.model import FinishedRequest, UsageRow, duration_class


@dataclass(slots=True)
class InMemoryUsage:
    """A UsageStore without DynamoDB; while it `is_broken`, nothing is counted."""

    requests: list[FinishedRequest] = field(default_factory=list)
    is_broken: bool = False

    def count(self, request: FinishedRequest) -> None:
        if self.is_broken:
            raise AwsCallError("Unreachable", detail="usage is out of order")
        if not any(each.request_id == request.request_id for each in self.requests):
            self.requests.append(request)

    def rows(self, consumer_id: str, *, first_day: str, last_day: str) -> list[UsageRow]:
        groups: dict[tuple[str, str, str, str], list[FinishedRequest]] = {}
        for each in self.requests:
            if each.consumer_id == consumer_id and first_day <= each.day <= last_day:
                key = (each.day, each.operation, each.resolution, each.outcome)
                groups.setdefault(key, []).append(each)
        return [
            UsageRow(
                consumer_id,
                *key,
                images=sum(each.images for each in group),
                total_seconds=sum(each.seconds for each in group),
                durations=Counter(duration_class(each.seconds) for each in group),
            )
            for key, group in sorted(groups.items())
        ]

"""What the operator would watch, kept in memory."""

from dataclasses import dataclass, field

from imagineart.domain.observations import ObservedRequest, TokenCensus


@dataclass(slots=True)
class RecordedMetrics:
    """A Metrics."""

    requests: list[ObservedRequest] = field(default_factory=list)
    attempts: list[tuple[str, bool]] = field(default_factory=list)
    """Each backend that was tried, and whether it failed."""
    unsettled: int = 0
    censuses: list[TokenCensus] = field(default_factory=list)

    def note_request(self, request: ObservedRequest) -> None:
        self.requests.append(request)

    def note_attempt(self, backend: str, *, failed: bool) -> None:
        self.attempts.append((backend, failed))

    def note_unsettled(self) -> None:
        self.unsettled += 1

    def note_tokens(self, census: TokenCensus) -> None:
        self.censuses.append(census)

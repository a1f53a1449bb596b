"""Metrics as lines in the log, from which CloudWatch takes them.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from dataclasses import dataclass
from typing import Final

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from imagineart.domain.observations import ObservedRequest, TokenCensus

REQUESTS: Final = "Requests"
SERVER_ERRORS: Final = "ServerErrors"
IMAGES: Final = "Images"
DURATION: Final = "Duration"
ERRORS: Final = "Errors"
BACKEND_ATTEMPTS: Final = "BackendAttempts"
BACKEND_FAILURES: Final = "BackendFailures"
UNSETTLED_REQUESTS: Final = "UnsettledRequests"
LIVE_TOKENS: Final = "LiveTokens"
TOKENS_DUE: Final = "TokensDueForRotation"
TOKENS_ENDING: Final = "TokensEndingSoon"


@dataclass(frozen=True, slots=True)
class EmbeddedMetrics:
    """Metrics of one function, under the dimension ``service``; times are in milliseconds.

    Beside it, errors have the dimension ``code``, and attempts at backends ``backend``.
    """

    namespace: str
    service: str

    def note_request(self, request: ObservedRequest) -> None:
        """Count a request and its time, in all and by stage."""
        metrics = self._record()
        metrics.add_metric(REQUESTS, MetricUnit.Count, 1)
        metrics.add_metric(SERVER_ERRORS, MetricUnit.Count, int(request.is_server_error))
        metrics.add_metric(DURATION, MetricUnit.Milliseconds, _milliseconds(request.seconds))
        for stage, seconds in request.seconds_by_stage.items():
            metrics.add_metric(stage, MetricUnit.Milliseconds, _milliseconds(seconds))
        if request.images:
            metrics.add_metric(IMAGES, MetricUnit.Count, request.images)
        metrics.flush_metrics()
        if request.error_code is not None:
            errors = self._record()
            errors.add_dimension("code", request.error_code)
            errors.add_metric(ERRORS, MetricUnit.Count, 1)
            errors.flush_metrics()

    def note_attempt(self, backend: str, *, failed: bool) -> None:
        """Count an attempt at a backend, in all and by backend."""
        metrics = self._record()
        metrics.add_dimensions(service=self.service, backend=backend)
        metrics.add_metric(BACKEND_ATTEMPTS, MetricUnit.Count, 1)
        metrics.add_metric(BACKEND_FAILURES, MetricUnit.Count, int(failed))
        metrics.flush_metrics()

    def note_unsettled(self) -> None:
        """Count something that failed when the answer was given."""
        metrics = self._record()
        metrics.add_metric(UNSETTLED_REQUESTS, MetricUnit.Count, 1)
        metrics.flush_metrics()

    def note_tokens(self, census: TokenCensus) -> None:
        """Note how tokens stand."""
        metrics = self._record()
        metrics.add_metric(LIVE_TOKENS, MetricUnit.Count, census.live)
        metrics.add_metric(TOKENS_DUE, MetricUnit.Count, census.due)
        metrics.add_metric(TOKENS_ENDING, MetricUnit.Count, census.ending)
        metrics.flush_metrics()

    def _record(self) -> EphemeralMetrics:
        metrics = EphemeralMetrics(namespace=self.namespace, service=self.service)
        metrics.add_dimension("service", self.service)
        return metrics


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)

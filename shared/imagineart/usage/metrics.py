"""Metrics as lines in the log, from which CloudWatch takes them.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from imagineart.errors import InternalError
from imagineart.domain.observations import ObservedRequest, TokenCensus

_LOGGER: Final = logging.getLogger(__name__)

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
    """Metrics of one version of a function, under the dimension ``service``; times are in milliseconds.

    Beside it, errors have the dimension ``code``, and attempts at backends ``backend``. Those errors that are
    nobody's but the code's are counted by ``version`` too, for whoever judges a new one.
    """

    namespace: str
    service: str
    version: str

    def note_request(self, request: ObservedRequest) -> None:
        """Count a request and its time, in all and by stage."""

        def fill(metrics: EphemeralMetrics) -> None:
            metrics.add_metric(REQUESTS, MetricUnit.Count, 1)
            metrics.add_metric(SERVER_ERRORS, MetricUnit.Count, int(request.is_server_error))
            metrics.add_metric(DURATION, MetricUnit.Milliseconds, _milliseconds(request.seconds))
            for stage, seconds in request.seconds_by_stage.items():
                metrics.add_metric(stage, MetricUnit.Milliseconds, _milliseconds(seconds))
            if request.images:
                metrics.add_metric(IMAGES, MetricUnit.Count, request.images)

        self._write(fill)
        if request.error_code is not None:
            self._write(partial(self._fill_error, request.error_code))

    def note_attempt(self, backend: str, *, failed: bool) -> None:
        """Count an attempt at a backend, in all and by backend."""

        def fill(metrics: EphemeralMetrics) -> None:
            metrics.add_dimensions(service=self.service, backend=backend)
            metrics.add_metric(BACKEND_ATTEMPTS, MetricUnit.Count, 1)
            metrics.add_metric(BACKEND_FAILURES, MetricUnit.Count, int(failed))

        self._write(fill)

    def note_unsettled(self) -> None:
        """Count something that failed when the answer was given."""
        self._write(lambda metrics: metrics.add_metric(UNSETTLED_REQUESTS, MetricUnit.Count, 1))

    def note_tokens(self, census: TokenCensus) -> None:
        """Note how tokens stand."""

        def fill(metrics: EphemeralMetrics) -> None:
            metrics.add_metric(LIVE_TOKENS, MetricUnit.Count, census.live)
            metrics.add_metric(TOKENS_DUE, MetricUnit.Count, census.due)
            metrics.add_metric(TOKENS_ENDING, MetricUnit.Count, census.ending)

        self._write(fill)

    def _fill_error(self, code: str, metrics: EphemeralMetrics) -> None:
        metrics.add_dimension("code", code)
        if code == InternalError.code:
            metrics.add_dimensions(service=self.service, code=code, version=self.version)
        metrics.add_metric(ERRORS, MetricUnit.Count, 1)

    def _write(self, fill: Callable[[EphemeralMetrics], None]) -> None:
        """Write one record. What fails is logged: nobody's request is worth less for it."""
        try:
            metrics = EphemeralMetrics(namespace=self.namespace, service=self.service)
            metrics.add_dimension("service", self.service)
            fill(metrics)
            metrics.flush_metrics()
        except Exception:
            _LOGGER.exception("a metric was not written")


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)

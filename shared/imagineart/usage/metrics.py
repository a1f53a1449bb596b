"""Metrics as lines in the log, from which CloudWatch takes them.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from imagineart.errors import InternalError

_LOGGER: Final = logging.getLogger(__name__)

REQUESTS: Final = "Requests"
SERVER_ERRORS: Final = "ServerErrors"
IMAGES: Final = "Images"
DURATION: Final = "Duration"
ERRORS: Final = "Errors"
BACKEND_ATTEMPTS: Final = "BackendAttempts"
BACKEND_FAILURES: Final = "BackendFailures"
BACKEND_REFUSALS: Final = "BackendRefusals"
UNSETTLED_REQUESTS: Final = "UnsettledRequests"
STALE_SECRETS: Final = "StaleSecrets"
STALE_MODELS: Final = "StaleModels"
LIVE_TOKENS: Final = "LiveTokens"
TOKENS_DUE: Final = "TokensDueForRotation"
TOKENS_ENDING: Final = "TokensEndingSoon"
WEBHOOK_ATTEMPTS: Final = "WebhookAttempts"
WEBHOOK_FAILURES: Final = "WebhookFailures"


class Stage(StrEnum):
    """A part of a request whose time is measured."""

    ADMISSION = "Admission"
    """Authentication and limits."""
    BACKEND = "Backend"
    """The generation of all images of the request."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of one version of a function, under the dimension ``service``; times are in milliseconds.

    Errors have the dimension ``code`` too, and attempts at backends ``backend``. Errors of the service itself
    are also counted by ``version``, so that a canary deployment is judged by its own. No method raises.
    """

    namespace: str
    service: str
    version: str

    def request_finished(
        self,
        *,
        error_code: str | None,
        is_server_error: bool,
        seconds: float,
        seconds_by_stage: Mapping[Stage, float],
        images: int,
    ) -> None:
        """Count a request and its time, in all and by stage; `error_code` is None for a success."""

        def fill(metrics: EphemeralMetrics) -> None:
            metrics.add_metric(REQUESTS, MetricUnit.Count, 1)
            metrics.add_metric(SERVER_ERRORS, MetricUnit.Count, int(is_server_error))
            metrics.add_metric(DURATION, MetricUnit.Milliseconds, _milliseconds(seconds))
            for stage, stage_seconds in seconds_by_stage.items():
                metrics.add_metric(stage, MetricUnit.Milliseconds, _milliseconds(stage_seconds))
            if images:
                metrics.add_metric(IMAGES, MetricUnit.Count, images)

        self._write(fill)
        if error_code is not None:
            self._write(partial(self._fill_error, error_code))

    def attempt_finished(self, backend: str, *, failed: bool, needs_operator: bool) -> None:
        """Count an attempt at a backend, in all and by backend; as a refusal if it needs the operator."""

        def fill(metrics: EphemeralMetrics) -> None:
            metrics.add_dimensions(service=self.service, backend=backend)
            metrics.add_metric(BACKEND_ATTEMPTS, MetricUnit.Count, 1)
            metrics.add_metric(BACKEND_FAILURES, MetricUnit.Count, int(failed))
            metrics.add_metric(BACKEND_REFUSALS, MetricUnit.Count, int(needs_operator))

        self._write(fill)

    def settlement_failed(self) -> None:
        """Count a part of a request's settlement that failed."""
        self._write(lambda metrics: metrics.add_metric(UNSETTLED_REQUESTS, MetricUnit.Count, 1))

    def stale_secret_used(self) -> None:
        """Count an attempt to read a secret that failed, so that its cached copy is used."""
        self._write(lambda metrics: metrics.add_metric(STALE_SECRETS, MetricUnit.Count, 1))

    def stale_models_used(self) -> None:
        """Count an attempt to read the models document that failed, so that the last good one is kept."""
        self._write(lambda metrics: metrics.add_metric(STALE_MODELS, MetricUnit.Count, 1))

    def tokens_reviewed(self, *, live: int, due: int, ending: int) -> None:
        """Report how many tokens are live, and how many of those are due for rotation or end soon."""

        def fill(metrics: EphemeralMetrics) -> None:
            metrics.add_metric(LIVE_TOKENS, MetricUnit.Count, live)
            metrics.add_metric(TOKENS_DUE, MetricUnit.Count, due)
            metrics.add_metric(TOKENS_ENDING, MetricUnit.Count, ending)

        self._write(fill)

    def webhook_attempted(self, *, failed: bool) -> None:
        """Count an attempt to deliver a webhook."""

        def fill(metrics: EphemeralMetrics) -> None:
            metrics.add_metric(WEBHOOK_ATTEMPTS, MetricUnit.Count, 1)
            metrics.add_metric(WEBHOOK_FAILURES, MetricUnit.Count, int(failed))

        self._write(fill)

    def _fill_error(self, code: str, metrics: EphemeralMetrics) -> None:
        metrics.add_dimension("code", code)
        if code == InternalError.code:
            metrics.add_dimensions(service=self.service, code=code, version=self.version)
        metrics.add_metric(ERRORS, MetricUnit.Count, 1)

    def _write(self, fill: Callable[[EphemeralMetrics], None]) -> None:
        """Write one record. A failure is logged: no request fails because of a metric."""
        try:
            metrics = EphemeralMetrics(namespace=self.namespace, service=self.service)
            metrics.add_dimension("service", self.service)
            fill(metrics)
            metrics.flush_metrics()
        except Exception:
            _LOGGER.exception("a metric was not written")


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)

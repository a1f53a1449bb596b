"""The parts that every Lambda environment may need: AWS, logger, metrics, and what is reported to them."""

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from functools import cached_property

from aws_lambda_powertools import Logger

from imagineart.aws import AwsClients
from imagineart.dynamodb import DynamoDbTable
from imagineart.errors import ImagineArtError
from imagineart.secrets_manager import CachedSecret
from imagineart.settings import MetricsSettings
from imagineart.usage.metrics import Metrics


class Environment:
    """The parts of one Lambda environment.

    Each is made when it is first asked for, so that an import or a snapshot holds no connection.
    """

    def __init__(self, variables: Mapping[str, str], metrics: MetricsSettings) -> None:
        """`variables` are the environment variables."""
        self._metrics_settings = metrics
        self._clients = AwsClients(dict(variables))
        self.clock: Callable[[], float] = time.time
        self.random_below: Callable[[int], int] = secrets.randbelow

    @cached_property
    def logger(self) -> Logger:
        # A log line is about a request; the number of the asyncio task that ran it is noise.
        vars(logging)["logAsyncioTasks"] = False
        return Logger(service=self._metrics_settings.service, location=None)

    @cached_property
    def metrics(self) -> Metrics:
        settings = self._metrics_settings
        return Metrics(settings.namespace, settings.service, settings.version)

    def _table(self, name: str) -> DynamoDbTable:
        return DynamoDbTable(self._clients, name)

    def _secret(self, secret_id: str, cached_seconds: float) -> CachedSecret:
        return CachedSecret(
            self._clients, secret_id, cached_seconds=cached_seconds, report=self._report_stale_secret
        )

    def _report_settlement(self, problem: str) -> None:
        self.logger.warning("settlement failed", detail=problem)
        self.metrics.settlement_failed()

    def _report_stale_secret(self, problem: str) -> None:
        self.logger.warning("stale secret", detail=problem)
        self.metrics.stale_secret_used()

    def _report_stale_models(self, problem: str) -> None:
        self.logger.warning("stale models", detail=problem)
        self.metrics.stale_models_used()

    def _report_backend(self, route: str, error: ImagineArtError) -> None:
        self.logger.warning("backend failed", backend=route, code=error.code, detail=error.detail)

"""The parts that every Lambda environment may need, whether it serves an API or works behind it."""

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from functools import cached_property

from aws_lambda_powertools import Logger

from imagineart.access.job_counters import JobCounters
from imagineart.access.job_limits import JobLimits
from imagineart.aws import AwsClients
from imagineart.backends.call_backends import Backends
from imagineart.backends.keys import BACKEND_KEYS_CACHED_SECONDS, BackendKeys
from imagineart.backends.routes import RouteSettings, build_routes
from imagineart.dynamodb import DynamoDbTable
from imagineart.errors import ImagineArtError
from imagineart.jobs.end_job import JobSettlement
from imagineart.jobs.job_store import JobStore
from imagineart.jobs.queue_store import QueueStore
from imagineart.jobs.send_jobs import JobSender
from imagineart.s3 import Bucket
from imagineart.secrets_manager import CachedSecret
from imagineart.settings import JobSettings, MetricsSettings
from imagineart.sqs import Queue
from imagineart.usage.metrics import Metrics
from imagineart.usage.model import FinishedRequest
from imagineart.usage.usage_store import UsageStore


class Environment:
    """The parts of one Lambda environment.

    Each is made when it is first asked for, so that an import or a snapshot holds no connection.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        metrics: MetricsSettings,
        jobs: JobSettings,
        backend_credential_secret: str,
    ) -> None:
        self._metrics_settings = metrics
        self._job_settings = jobs
        self._backend_credential_secret = backend_credential_secret
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

    @cached_property
    def usage(self) -> UsageStore:
        return UsageStore(self._table(self._job_settings.usage_table), self.random_below)

    @cached_property
    def jobs(self) -> JobStore:
        return JobStore(self._table(self._job_settings.table))

    @cached_property
    def job_objects(self) -> Bucket:
        return Bucket(self._clients, self._job_settings.bucket)

    @cached_property
    def job_limits(self) -> JobLimits:
        return JobLimits(self._job_counters, self.random_below, self.clock)

    @cached_property
    def job_places(self) -> QueueStore:
        return QueueStore(self._table(self._job_settings.table))

    @cached_property
    def job_sender(self) -> JobSender:
        queue = Queue(self._clients, self._job_settings.queue)
        return JobSender(self.jobs, self.job_places, queue, self._job_counters.concurrent_requests)

    @cached_property
    def job_settlement(self) -> JobSettlement:
        return JobSettlement(
            self.jobs,
            self.job_limits,
            self.usage,
            self.job_objects,
            self.job_ended,
            self.report_settlement,
            self.random_below,
            self.clock,
        )

    def job_ended(self, finished: FinishedRequest) -> None:
        """Log a job that has ended."""
        self.logger.info(
            "job",
            job=finished.request_id,
            consumer=finished.consumer_id,
            model=finished.operation,
            outcome=finished.outcome,
            images=finished.images,
            duration_ms=round(finished.seconds * 1000),
        )

    def build_backends(self, routes: tuple[RouteSettings, ...]) -> Backends:
        """The backends of configured routes."""
        secret = self._secret(self._backend_credential_secret, BACKEND_KEYS_CACHED_SECONDS)
        return Backends(
            build_routes(routes, clients=self._clients, keys=BackendKeys(secret.read)),
            random_fraction=secrets.SystemRandom().random,
            attempt_finished=self.metrics.attempt_finished,
            report_failure=self._report_backend,
        )

    def report_settlement(self, problem: str) -> None:
        """Log a part of a settlement that failed, and count it."""
        self.logger.warning("settlement failed", detail=problem)
        self.metrics.settlement_failed()

    def report_job(self, problem: str) -> None:
        """Log what failed and is repaired by the sweeper."""
        self.logger.warning("jobs", detail=problem)

    @property
    def _job_counters(self) -> JobCounters:
        return JobCounters(self._table(self._job_settings.consumers_table))

    def _table(self, name: str) -> DynamoDbTable:
        return DynamoDbTable(self._clients, name)

    def _secret(self, secret_id: str, cached_seconds: float) -> CachedSecret:
        return CachedSecret(
            self._clients, secret_id, cached_seconds=cached_seconds, report=self._report_stale_secret
        )

    def _report_stale_secret(self, problem: str) -> None:
        self.logger.warning("stale secret", detail=problem)
        self.metrics.stale_secret_used()

    def _report_backend(self, route: str, error: ImagineArtError) -> None:
        self.logger.warning("backend failed", backend=route, code=error.code, detail=error.detail)

"""What makes images and keeps jobs, for the functions that serve an API and for those that work on jobs."""

import secrets
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from imagineart.access.job_counters import JobCounters
from imagineart.access.job_limits import JobLimits
from imagineart.access.pepper_store import PEPPERS_CACHED_SECONDS, PepperStore
from imagineart.apis.imagineart.job_responses import job_notices
from imagineart.backends.call_backends import Backends
from imagineart.backends.keys import BACKEND_KEYS_CACHED_SECONDS, BackendKeys
from imagineart.backends.model_backends import ModelBackends
from imagineart.backends.route_builder import RouteBuilder
from imagineart.bootstrap_environment import Environment
from imagineart.connections.connection_store import ConnectionStore
from imagineart.connections.send_messages import ManagementApi, SendMessages
from imagineart.credits.change_credits import Credits
from imagineart.credits.wallet_store import WalletStore
from imagineart.generations.settle_credits import SettleCredits
from imagineart.jobs.end_job import JobSettlement
from imagineart.jobs.job_store import JobStore
from imagineart.jobs.model import Job
from imagineart.jobs.push_job import PushJob
from imagineart.jobs.queue_store import QueueStore
from imagineart.jobs.report_job_end import Notice, ReportJobEnd
from imagineart.jobs.send_jobs import JobSender
from imagineart.models.model import MediaModel, Model
from imagineart.models.read_models import CurrentModels
from imagineart.models.store import ModelStore
from imagineart.results.results import Results
from imagineart.s3 import Bucket
from imagineart.safety.check_content import ContentChecker, PromptChecker
from imagineart.settings import JobSettings, MetricsSettings
from imagineart.sqs import Queue
from imagineart.usage.model import FinishedRequest
from imagineart.usage.usage_store import UsageStore
from imagineart.webhooks.queue_webhook import QueueWebhooks
from imagineart.webhooks.webhook_store import WebhookStore

if TYPE_CHECKING:
    from imagineart.media.make_media import MediaBackends
    from imagineart.outbound.http import OutboundHttp


class JobEnvironment(Environment):
    """The parts of an environment that makes images, or accepts, runs, sweeps or shows jobs."""

    def __init__(self, variables: Mapping[str, str], metrics: MetricsSettings, jobs: JobSettings) -> None:
        """`variables` are the environment variables."""
        super().__init__(variables, metrics)
        self._job_settings = jobs

    @cached_property
    def models(self) -> CurrentModels:
        store = ModelStore(self._table(self._job_settings.models_table))
        return CurrentModels(store.current, self._report_stale_models, self.clock)

    @cached_property
    def backends(self) -> ModelBackends[Model, Backends]:
        return ModelBackends(
            lambda model: Backends(
                self._route_builder.build(model.backends),
                random_fraction=secrets.SystemRandom().random,
                attempt_finished=self.metrics.attempt_finished,
                report_failure=self._report_backend,
            )
        )

    @cached_property
    def media_backends(self) -> "ModelBackends[MediaModel, MediaBackends]":
        from imagineart.media.engine_builder import EngineBuilder
        from imagineart.media.make_media import MediaBackends

        builder = EngineBuilder(self._clients, self._backend_keys, lambda: self._route_builder.http)
        return ModelBackends(
            lambda model: MediaBackends(
                builder.build(model),
                random_fraction=secrets.SystemRandom().random,
                attempt_finished=self.metrics.attempt_finished,
                report_failure=self._report_backend,
                clock=self.clock,
            )
        )

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
    def results(self) -> Results:
        return Results(self._results_bucket, self._peppers, self.random_below, self.clock)

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
    def webhook_queue(self) -> QueueWebhooks:
        return QueueWebhooks(
            self._webhooks, Queue(self._clients, self._job_settings.webhooks_queue), self.clock
        )

    @cached_property
    def job_reports(self) -> ReportJobEnd:
        return ReportJobEnd(self.jobs, self.webhook_queue, _notices, self.push_job.push, self.clock)

    @cached_property
    def connections(self) -> ConnectionStore:
        return ConnectionStore(self._table(self._job_settings.connections_table))

    @cached_property
    def management_api(self) -> ManagementApi:
        return ManagementApi(self._clients, self._job_settings.websocket_url)

    @cached_property
    def push_job(self) -> PushJob:
        from imagineart.apis.runware.socket_messages import job_messages

        messages = SendMessages(self.connections, self.management_api)
        return PushJob(self.jobs, messages, self.connections, job_messages, self.clock)

    @cached_property
    def content_checker(self) -> ContentChecker:
        if self._job_settings.content_checker == "prompt":
            return PromptChecker()
        from imagineart.safety.rekognition import RekognitionChecker

        return RekognitionChecker(self._clients)

    @cached_property
    def outbound(self) -> "OutboundHttp":
        from imagineart.outbound.http import OutboundHttp

        return OutboundHttp(self._job_settings.reaches_loopback)

    @cached_property
    def credits(self) -> Credits:
        return Credits(WalletStore(self._table(self._job_settings.credits_table)), self.clock)

    @cached_property
    def job_settlement(self) -> JobSettlement:
        return JobSettlement(
            self.jobs,
            self.job_limits,
            self.usage,
            self.job_objects,
            self._results_bucket,
            self.job_reports,
            SettleCredits(self.credits).settle,
            self.job_ended,
            self._report_settlement,
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

    def report_job(self, problem: str) -> None:
        """Log what failed and is repaired by the sweeper."""
        self.logger.warning("jobs", detail=problem)

    @cached_property
    def _webhooks(self) -> WebhookStore:
        return WebhookStore(self._table(self._job_settings.webhooks_table))

    @cached_property
    def _peppers(self) -> PepperStore:
        return PepperStore(self._secret(self._job_settings.pepper_secret, PEPPERS_CACHED_SECONDS))

    @cached_property
    def _route_builder(self) -> RouteBuilder:
        return RouteBuilder(self._clients, self._backend_keys)

    @cached_property
    def _backend_keys(self) -> BackendKeys:
        secret = self._secret(self._job_settings.backend_credential_secret, BACKEND_KEYS_CACHED_SECONDS)
        return BackendKeys(secret.read)

    @property
    def _results_bucket(self) -> Bucket:
        return Bucket(self._clients, self._job_settings.results_bucket)

    @property
    def _job_counters(self) -> JobCounters:
        return JobCounters(self._table(self._job_settings.consumers_table))


def _notices(job: Job, now: float) -> list[Notice]:
    """The webhooks of a job, in the words of its API."""
    from imagineart.apis.runware import context, job_results

    return job_results.job_notices(job) if job.api == context.API else job_notices(job, now)

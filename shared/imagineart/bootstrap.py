"""The composition root of the functions that serve an API; `bootstrap_workers` is that of the others."""

from collections.abc import Mapping
from functools import cached_property

from fastapi import APIRouter

from imagineart.access.admit import RequestLimits
from imagineart.access.authenticate import Authenticator, TokenLookup
from imagineart.access.consumer_store import ConsumerStore
from imagineart.access.internal_tokens import INTERNAL_TOKENS_CACHED_SECONDS, InternalTokenStore
from imagineart.access.review_tokens import TokenReview, review_tokens
from imagineart.access.token_store import TokenStore
from imagineart.access.tokens import TokenKind
from imagineart.apis.common.application import LambdaHandler, create_application, lambda_handler
from imagineart.apis.common.route import ErrorFormat
from imagineart.bootstrap_jobs import JobEnvironment
from imagineart.idempotency.record_store import RecordStore
from imagineart.idempotency.respond_once import Idempotency
from imagineart.jobs.accept_job import AcceptJob
from imagineart.jobs.estimate_job import EstimateJob
from imagineart.jobs.manage_jobs import ManageJobs
from imagineart.jobs.name_jobs import NamedJobs
from imagineart.s3 import Bucket
from imagineart.settings import FunctionSettings
from imagineart.uploads.media import Media
from imagineart.uploads.uploads import Uploads
from imagineart.usage.settle import Settlement


class LambdaServices(JobEnvironment):
    """The parts of one environment that serves an API (`imagineart.apis.common.services.Services`)."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """`variables` are the environment variables. Raises SettingsError."""
        self._settings = FunctionSettings.from_mapping(variables)
        super().__init__(variables, self._settings.metrics, self._settings.jobs)
        self.logs_prompts = self._settings.logs_prompts
        self.reaches_loopback = self._settings.reaches_loopback

    @cached_property
    def authenticator(self) -> Authenticator:
        stores: dict[TokenKind, TokenLookup] = {
            TokenKind.PARTNER: self._tokens,
            TokenKind.INTERNAL: self._internal_tokens,
        }
        return Authenticator(stores, self._peppers, self._tokens, self.clock)

    @cached_property
    def limits(self) -> RequestLimits:
        consumers = ConsumerStore(self._table(self._settings.jobs.consumers_table))
        return RequestLimits(consumers, self.random_below, self.clock)

    @cached_property
    def settlement(self) -> Settlement:
        return Settlement(self.limits, self.usage, self._tokens, self._report_settlement)

    @cached_property
    def idempotency(self) -> Idempotency:
        return Idempotency(
            RecordStore(self._table(self._settings.idempotency_table)),
            Bucket(self._clients, self._settings.idempotency_bucket),
            self.random_below,
            lambda problem: self.logger.warning("idempotency", detail=problem),
            self.clock,
        )

    @cached_property
    def accept_job(self) -> AcceptJob:
        return AcceptJob(
            self.jobs,
            self.job_objects,
            self.job_sender,
            self.job_limits,
            self.random_below,
            self.clock,
            self.report_job,
        )

    @cached_property
    def named_jobs(self) -> NamedJobs:
        table = self._table(self._settings.jobs.table)
        return NamedJobs(table, self.jobs, self.random_below, self.clock)

    @cached_property
    def estimate_job(self) -> EstimateJob:
        return EstimateJob(self.jobs, self.job_places)

    def manage_jobs(self, api: str) -> ManageJobs:
        """What a caller does with the jobs that an API accepted."""
        return ManageJobs(
            api,
            self.jobs,
            self.job_objects,
            self.job_settlement,
            self.webhook_queue,
            self.random_below,
            self.clock,
        )

    @cached_property
    def uploads(self) -> Uploads:
        bucket = Bucket(self._clients, self._settings.uploads_bucket)
        return Uploads(bucket, self._peppers, self.random_below, self.clock)

    @cached_property
    def media(self) -> Media:
        return Media(self.job_objects, self.random_below)

    def review_tokens(self) -> TokenReview:
        """Review the tokens of both stores; the result goes to the log and the metrics too."""
        review = review_tokens((self._tokens, self._internal_tokens), now=int(self.clock()))
        self.metrics.tokens_reviewed(live=review.live, due=len(review.due), ending=len(review.ending))
        self.logger.info("tokens", live=review.live, due=review.due, ending=review.ending)
        return review

    @cached_property
    def _tokens(self) -> TokenStore:
        return TokenStore(self._table(self._settings.tokens_table))

    @cached_property
    def _internal_tokens(self) -> InternalTokenStore:
        secret = self._secret(self._settings.internal_tokens_secret, INTERNAL_TOKENS_CACHED_SECONDS)
        return InternalTokenStore(secret, self._tokens)


def create_handler(variables: Mapping[str, str], router: APIRouter, errors: ErrorFormat) -> LambdaHandler:
    """The Lambda handler of a router's routes. Raises SettingsError."""
    return lambda_handler(create_application(router, LambdaServices(variables), errors), variables)

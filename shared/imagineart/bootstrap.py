"""The composition root: the only place where the parts of a Lambda environment are chosen."""

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from functools import cached_property

from aws_lambda_powertools import Logger
from fastapi import APIRouter

from imagineart.access.admit import RequestLimits
from imagineart.access.authenticate import Authenticator, TokenLookup
from imagineart.access.consumer_store import ConsumerStore
from imagineart.access.internal_tokens import INTERNAL_TOKENS_CACHED_SECONDS, InternalTokenStore
from imagineart.access.pepper_store import PEPPERS_CACHED_SECONDS, PepperStore
from imagineart.access.review_tokens import TokenReview, review_tokens
from imagineart.access.token_store import TokenStore
from imagineart.access.tokens import TokenKind
from imagineart.apis.common.application import LambdaHandler, create_application, lambda_handler
from imagineart.apis.common.route import ErrorFormat
from imagineart.aws import AwsClients
from imagineart.backends.keys import BACKEND_KEYS_CACHED_SECONDS, BackendKeys
from imagineart.backends.model_backends import ModelBackends
from imagineart.backends.route_builder import RouteBuilder
from imagineart.dynamodb import DynamoDbTable
from imagineart.errors import ImagineArtError
from imagineart.idempotency.record_store import RecordStore
from imagineart.idempotency.respond_once import Idempotency
from imagineart.models.read_models import CurrentModels
from imagineart.models.store import ModelStore
from imagineart.results.results import Results
from imagineart.s3 import Bucket
from imagineart.secrets_manager import CachedSecret
from imagineart.settings import FunctionSettings
from imagineart.uploads.uploads import Uploads
from imagineart.usage.metrics import Metrics
from imagineart.usage.settle import Settlement
from imagineart.usage.usage_store import UsageStore


class LambdaServices:
    """The parts of one Lambda environment (`imagineart.apis.common.services.Services`).

    Each is made when it is first asked for, so that an import or a snapshot holds no connection.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        """`variables` are the environment variables. Raises SettingsError."""
        self._settings = FunctionSettings.from_mapping(variables)
        self._clients = AwsClients(dict(variables))
        self.logs_prompts = self._settings.logs_prompts
        self.clock: Callable[[], float] = time.time
        self.random_below: Callable[[int], int] = secrets.randbelow

    @cached_property
    def logger(self) -> Logger:
        # A log line is about a request; the number of the asyncio task that ran it is noise.
        vars(logging)["logAsyncioTasks"] = False
        return Logger(service=self._settings.metrics.service, location=None)

    @cached_property
    def metrics(self) -> Metrics:
        settings = self._settings.metrics
        return Metrics(settings.namespace, settings.service, settings.version)

    @cached_property
    def authenticator(self) -> Authenticator:
        stores: dict[TokenKind, TokenLookup] = {
            TokenKind.PARTNER: self._tokens,
            TokenKind.INTERNAL: self._internal_tokens,
        }
        return Authenticator(stores, self._peppers, self._tokens, self.clock)

    @cached_property
    def limits(self) -> RequestLimits:
        consumers = ConsumerStore(self._table(self._settings.consumers_table))
        return RequestLimits(consumers, self.random_below, self.clock)

    @cached_property
    def settlement(self) -> Settlement:
        usage = UsageStore(self._table(self._settings.usage_table), self.random_below)
        return Settlement(self.limits, usage, self._tokens, self._report_settlement)

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
    def models(self) -> CurrentModels:
        store = ModelStore(self._table(self._settings.models_table))
        return CurrentModels(store.current, self._report_stale_models, self.clock)

    @cached_property
    def backends(self) -> ModelBackends:
        secret = self._secret(self._settings.backend_credential_secret, BACKEND_KEYS_CACHED_SECONDS)
        return ModelBackends(
            RouteBuilder(self._clients, BackendKeys(secret.read)).build,
            random_fraction=secrets.SystemRandom().random,
            attempt_finished=self.metrics.attempt_finished,
            report_failure=self._report_backend,
        )

    @cached_property
    def uploads(self) -> Uploads:
        bucket = Bucket(self._clients, self._settings.uploads_bucket)
        return Uploads(bucket, self._peppers, self.random_below, self.clock)

    @cached_property
    def results(self) -> Results:
        bucket = Bucket(self._clients, self._settings.results_bucket)
        return Results(bucket, self._peppers, self.random_below, self.clock)

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

    @cached_property
    def _peppers(self) -> PepperStore:
        return PepperStore(self._secret(self._settings.pepper_secret, PEPPERS_CACHED_SECONDS))

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


def create_handler(variables: Mapping[str, str], router: APIRouter, errors: ErrorFormat) -> LambdaHandler:
    """The Lambda handler of a router's routes. Raises SettingsError."""
    return lambda_handler(create_application(router, LambdaServices(variables), errors), variables)

"""The composition root: the only place where adapters are chosen."""

import logging
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from aws_lambda_powertools import Logger

from imagineart.aws import AwsClient, CredentialsProvider
from imagineart.access.consumer_store import DynamoDbConsumers
from imagineart.dynamodb import DynamoDbTable
from imagineart.access.token_store import DynamoDbTokenStore
from imagineart.usage.usage_store import DynamoDbUsageLedger
from imagineart.usage.metrics import EmbeddedMetrics
from imagineart.adapters.environment_credentials import credentials_from_environment
from imagineart.access.secret_stores import (
    BACKEND_CREDENTIAL_CACHED_SECONDS,
    INTERNAL_TOKENS_CACHED_SECONDS,
    PEPPERS_CACHED_SECONDS,
    BackendKeys,
    CachedSecret,
    SecretsManagerPeppers,
    SecretsManagerTokenStore,
)
from imagineart.models.catalogue import EDIT_MODEL
from imagineart.images.kinds import ReferenceImage
from imagineart.access.tokens import Operation
from imagineart.domain.ports import ConsumerRegister, ImageBackend, Metrics, UploadStorage, UsageLedger
from imagineart.access.tokens import TokenKind
from imagineart.settings import (
    AccessSettings,
    BackendRoute,
    BackendSettings,
    ImageSettings,
    MetricsSettings,
    SettingsError,
    TokenReviewSettings,
    UploadSettings,
)
from imagineart.access.admit import AdmitRequest
from imagineart.idempotency.respond_once import AnswerOnce
from imagineart.access.authenticate import AuthenticateCaller
from imagineart.backends.call_backends import CallBackends, Route
from imagineart.use_cases.edit_image import EditImage
from imagineart.uploads.fetch_upload import FetchUpload
from imagineart.use_cases.generate_image import GenerateImage
from imagineart.access.manage_consumers import ManageConsumers
from imagineart.access.manage_tokens import ManageTokens
from imagineart.usage.report_usage import ReportUsage
from imagineart.uploads.request_upload import RequestUpload
from imagineart.access.review_tokens import ReviewTokens, TokenReview
from imagineart.access.rotate_peppers import RotatePeppers
from imagineart.use_cases.settle_request import SettleRequest
from imagineart.backends.try_backends import Trial, TryBackends
from imagineart.apis.common.authorization import Access
from imagineart.apis.common.route import Endpoint, Gate
from imagineart.apis.common.application import LambdaHandler, Runtime, authenticated_handler

if TYPE_CHECKING:
    from imagineart.adapters.s3_bucket import S3Bucket

STREAMING_VARIABLE: Final = "LAMBDA_RESPONSE_STREAMING"
"""Set to 1 by the streaming layer's wrapper."""

_CLOCK: Final = time.time


class OperatorServices:
    """What the operator's command line works with, against any deployment."""

    def __init__(
        self,
        settings: AccessSettings,
        credentials: CredentialsProvider,
        backends: Mapping[str, BackendSettings] = MappingProxyType({}),
    ) -> None:
        """`backends` are those of each public model, by its id."""
        client = AwsClient(settings.region, credentials, settings.aws_endpoint_url)
        partner_tokens = DynamoDbTokenStore(DynamoDbTable(client, settings.tokens_table))
        consumers = DynamoDbConsumers(DynamoDbTable(client, settings.consumers_table))
        internal_secret = CachedSecret(
            client, settings.internal_tokens_secret, cached_seconds=0, clock=_CLOCK
        )
        internal_tokens = SecretsManagerTokenStore(internal_secret, partner_tokens)
        pepper_secret = CachedSecret(client, settings.pepper_secret, cached_seconds=0, clock=_CLOCK)
        self._client = client
        self._credentials = credentials
        self._backends = backends
        peppers = SecretsManagerPeppers(pepper_secret)
        self.consumers: ConsumerRegister = consumers
        self.usage: UsageLedger = DynamoDbUsageLedger(DynamoDbTable(client, settings.usage_table))
        self.manage_consumers = ManageConsumers(consumers)
        self.manage_tokens = ManageTokens(
            registers={TokenKind.PARTNER: partner_tokens, TokenKind.INTERNAL: internal_tokens},
            consumers=consumers,
            marks=partner_tokens,
            peppers=peppers,
            random_below=secrets.randbelow,
            clock=_CLOCK,
        )
        self.rotate_peppers = RotatePeppers(peppers, self.manage_tokens, secrets.randbelow)
        self.report_usage = ReportUsage(self.usage, consumers, _CLOCK)

    def try_backends(self, reference: ReferenceImage) -> Iterator[Trial]:
        """What each backend makes when it is tried, as it ends; edits are made from `reference`.

        Raises SettingsError.
        """
        from imagineart.images.pillow_images import PillowPictureFinisher

        trying = TryBackends(PillowPictureFinisher())
        for model_id, settings in self._backends.items():
            secret = CachedSecret(
                self._client,
                settings.credential_secret,
                cached_seconds=BACKEND_CREDENTIAL_CACHED_SECONDS,
                clock=_CLOCK,
            )
            for route in build_routes(settings.routes, BackendKeys(secret), self._credentials):
                if model_id == EDIT_MODEL.id:
                    # Which model edits may depend on how many references there are.
                    yield trying.try_edit(model_id, route, [reference])
                    yield trying.try_edit(model_id, route, [reference] * 2)
                else:
                    yield trying.try_generation(model_id, route)


class Services:
    """What one Lambda environment is made of; each part is built when a handler first asks for it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)

    def handler(self, operation: Operation, endpoint: Endpoint) -> LambdaHandler:
        """The Lambda handler of an authenticated operation. Raises SettingsError."""
        log_prompts = operation.model is not None and self._image_settings.log_prompts
        is_extended = self._environment.get(STREAMING_VARIABLE) == "1"
        answer_once = None if operation.model is None else lambda: self._answer_once
        gate = Gate(self._access, self._settle, _CLOCK, self._logger, self._metrics, answer_once)
        return authenticated_handler(operation, endpoint, gate, Runtime(is_extended, log_prompts))

    @cached_property
    def generate_image(self) -> GenerateImage:
        """The use case of POST /v1/images/generations. Raises SettingsError."""
        return GenerateImage(self._backends, secrets.randbelow)

    @cached_property
    def edit_image(self) -> EditImage:
        """The use case of POST /v1/images/edits. Raises SettingsError."""
        from imagineart.images.pillow_images import PillowReferenceReader

        return EditImage(
            self._backends,
            PillowReferenceReader(),
            FetchUpload(self._uploads, self._peppers, _CLOCK),
            secrets.randbelow,
        )

    @cached_property
    def request_upload(self) -> RequestUpload:
        """The use case of POST /v1/uploads. Raises SettingsError."""
        return RequestUpload(self._uploads, self._peppers, secrets.randbelow, _CLOCK)

    @cached_property
    def review_tokens(self) -> ReviewTokens:
        """What looks at tokens once a day. Raises SettingsError."""
        settings = TokenReviewSettings.from_mapping(self._environment)
        credentials = credentials_from_environment(self._environment)
        client = AwsClient(settings.region, credentials, settings.aws_endpoint_url)
        partner_tokens = DynamoDbTokenStore(DynamoDbTable(client, settings.tokens_table))
        secret = CachedSecret(client, settings.internal_tokens_secret, cached_seconds=0, clock=_CLOCK)
        registers = (partner_tokens, SecretsManagerTokenStore(secret, partner_tokens))
        return ReviewTokens(registers, self._metrics, partial(_tell_review, self._logger), _CLOCK)

    @cached_property
    def _uploads(self) -> UploadStorage:
        from imagineart.uploads.upload_store import S3UploadStorage

        return S3UploadStorage(self._bucket(UploadSettings.from_mapping(self._environment).bucket))

    @cached_property
    def _answer_once(self) -> AnswerOnce:
        from imagineart.idempotency.record_store import DynamoDbAnswerRecords
        from imagineart.idempotency.response_store import S3AnswerStorage

        settings = self._image_settings
        return AnswerOnce(
            DynamoDbAnswerRecords(DynamoDbTable(self._aws, settings.answers_table)),
            S3AnswerStorage(self._bucket(settings.answers_bucket)),
            secrets.randbelow,
            self._report,
            _CLOCK,
        )

    @cached_property
    def _peppers(self) -> SecretsManagerPeppers:
        return SecretsManagerPeppers(
            self._secret(self._access_settings.pepper_secret, PEPPERS_CACHED_SECONDS)
        )

    @cached_property
    def _access_settings(self) -> AccessSettings:
        return AccessSettings.from_mapping(self._environment)

    @cached_property
    def _aws(self) -> AwsClient:
        settings = self._access_settings
        return AwsClient(
            settings.region, credentials_from_environment(self._environment), settings.aws_endpoint_url
        )

    @cached_property
    def _image_settings(self) -> ImageSettings:
        return ImageSettings.from_mapping(self._environment)

    @cached_property
    def _partner_tokens(self) -> DynamoDbTokenStore:
        return DynamoDbTokenStore(DynamoDbTable(self._aws, self._access_settings.tokens_table))

    @cached_property
    def _consumers(self) -> DynamoDbConsumers:
        return DynamoDbConsumers(DynamoDbTable(self._aws, self._access_settings.consumers_table))

    @cached_property
    def _access(self) -> Access:
        internal_secret = self._secret(
            self._access_settings.internal_tokens_secret, INTERNAL_TOKENS_CACHED_SECONDS
        )
        internal_tokens = SecretsManagerTokenStore(internal_secret, self._partner_tokens)
        authenticate = AuthenticateCaller(
            stores={TokenKind.PARTNER: self._partner_tokens, TokenKind.INTERNAL: internal_tokens},
            peppers=self._peppers,
            marks=self._partner_tokens,
            clock=_CLOCK,
        )
        return Access(authenticate, AdmitRequest(self._consumers, secrets.randbelow, _CLOCK))

    @cached_property
    def _settle(self) -> SettleRequest:
        usage = DynamoDbUsageLedger(DynamoDbTable(self._aws, self._access_settings.usage_table))
        return SettleRequest(self._consumers, usage, self._partner_tokens, self._report)

    @cached_property
    def _logger(self) -> Logger:
        # A log line is about a request; the number of the asyncio task that ran it is noise.
        vars(logging)["logAsyncioTasks"] = False
        return Logger(location=None)

    @cached_property
    def _metrics(self) -> Metrics:
        settings = MetricsSettings.from_mapping(self._environment)
        return EmbeddedMetrics(settings.namespace, settings.service, settings.version)

    def _report(self, problem: str) -> None:
        """Tell the operator of what the caller did not have to know."""
        self._logger.warning("afterwards", detail=problem)
        self._metrics.note_unsettled()

    @cached_property
    def _backends(self) -> CallBackends:
        from imagineart.images.pillow_images import PillowPictureFinisher

        settings = BackendSettings.from_mapping(self._environment)
        keys = BackendKeys(self._secret(settings.credential_secret, BACKEND_CREDENTIAL_CACHED_SECONDS))
        routes = build_routes(settings.routes, keys, self._aws.credentials)
        return CallBackends(
            routes,
            PillowPictureFinisher(),
            random_fraction=secrets.SystemRandom().random,
            note_attempt=self._metrics.note_attempt,
        )

    def _bucket(self, name: str) -> "S3Bucket":
        from imagineart.adapters.s3_bucket import S3Bucket

        return S3Bucket(self._aws.region, self._aws.credentials, name, self._aws.endpoint_url)

    def _secret(self, secret_id: str, cached_seconds: float) -> CachedSecret:
        return CachedSecret(self._aws, secret_id, cached_seconds=cached_seconds, clock=time.monotonic)


def _tell_review(logger: Logger, review: TokenReview) -> None:
    logger.info("tokens", live=review.live, due=review.due, ending=review.ending)


def build_routes(
    routes: Sequence[BackendRoute], keys: BackendKeys, credentials: CredentialsProvider
) -> list[Route]:
    """The routes with their adapters; those for Bedrock sign with `credentials`. Raises SettingsError."""
    return [
        Route(each.name, _build_backend(each, keys, credentials), each.attempt_seconds, each.retries)
        for each in routes
    ]


def _build_backend(route: BackendRoute, keys: BackendKeys, credentials: CredentialsProvider) -> ImageBackend:
    if route.kind == "bedrock":
        from imagineart.backends.bedrock import BedrockImagesBackend

        try:
            return BedrockImagesBackend(
                route.where, credentials, route.model, upscaler=route.upscaler, endpoint_url=route.endpoint
            )
        except ValueError as error:
            raise SettingsError(f"IMAGINEART_BACKENDS: {route.name}: {error}") from error
    from imagineart.adapters.deadline_http import DeadlineHttpClient

    http = DeadlineHttpClient(route.where)
    key = partial(keys.key_for, urlsplit(route.where).netloc)
    if route.kind == "imagineart":
        from imagineart.backends.imagineart_api import ImagineArtApiBackend

        return ImagineArtApiBackend(http, key)
    from imagineart.backends.openai_compatible import OpenAiImagesBackend
    from imagineart.backends.openai_profiles import PROFILES

    return OpenAiImagesBackend(http, PROFILES[route.kind], route.model, key, route.response_format)

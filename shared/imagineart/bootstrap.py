"""The composition root: the only place where adapters are chosen."""

import logging
import secrets
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Final

from aws_lambda_powertools import Logger

from imagineart.adapters.aws_client import AwsClient, CredentialsProvider
from imagineart.adapters.dynamodb_request_counts import DynamoDbRequestCounter
from imagineart.adapters.dynamodb_tokens import DynamoDbTokenStore
from imagineart.adapters.environment_credentials import credentials_from_environment
from imagineart.adapters.secrets import (
    BACKEND_CREDENTIAL_CACHED_SECONDS,
    INTERNAL_TOKENS_CACHED_SECONDS,
    PEPPERS_CACHED_SECONDS,
    BackendCredential,
    CachedSecret,
    SecretsManagerPeppers,
    SecretsManagerTokenStore,
)
from imagineart.domain.ports import ConsumerRegister, ImageBackend, UploadStorage
from imagineart.domain.tokens import TokenKind
from imagineart.settings import AccessSettings, BackendSettings, UploadSettings
from imagineart.use_cases.authenticate_caller import AuthenticateCaller
from imagineart.use_cases.call_backends import CallBackends, Route
from imagineart.use_cases.count_request import CountRequest
from imagineart.use_cases.edit_image import EditImage
from imagineart.use_cases.fetch_upload import FetchUpload
from imagineart.use_cases.generate_image import GenerateImage
from imagineart.use_cases.manage_tokens import ManageTokens
from imagineart.use_cases.request_upload import RequestUpload
from imagineart.web.access import Access
from imagineart.web.lambda_entry import Endpoint, LambdaHandler, authenticated_handler

STREAMING_VARIABLE: Final = "LAMBDA_RESPONSE_STREAMING"
"""Set to 1 by the streaming layer's wrapper."""

_CLOCK: Final = time.time


class OperatorServices:
    """What the operator's command line works with, against any deployment."""

    def __init__(self, settings: AccessSettings, credentials: CredentialsProvider) -> None:
        client = AwsClient(settings.region, credentials, settings.aws_endpoint_url)
        partner_tokens = DynamoDbTokenStore(client, settings.tokens_table)
        internal_secret = CachedSecret(
            client, settings.internal_tokens_secret, cached_seconds=0, clock=_CLOCK
        )
        internal_tokens = SecretsManagerTokenStore(internal_secret, partner_tokens)
        pepper_secret = CachedSecret(client, settings.pepper_secret, cached_seconds=0, clock=_CLOCK)
        self.consumers: ConsumerRegister = partner_tokens
        self.manage_tokens = ManageTokens(
            registers={TokenKind.PARTNER: partner_tokens, TokenKind.INTERNAL: internal_tokens},
            consumers=partner_tokens,
            revocations=partner_tokens,
            peppers=SecretsManagerPeppers(pepper_secret),
            random_below=secrets.randbelow,
            clock=_CLOCK,
        )


class Services:
    """What one Lambda environment is made of; each part is built when a handler first asks for it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)

    def handler(self, method: str, path: str, endpoint: Endpoint) -> LambdaHandler:
        """The Lambda handler of an authenticated endpoint. Raises SettingsError."""
        # A log line is about a request; the number of the asyncio task that ran it is noise.
        vars(logging)["logAsyncioTasks"] = False
        return authenticated_handler(
            method,
            path,
            endpoint,
            access=self._access,
            logger=Logger(location=None),
            streaming=self._environment.get(STREAMING_VARIABLE) == "1",
        )

    @cached_property
    def generate_image(self) -> GenerateImage:
        """The use case of POST /v1/images/generations. Raises SettingsError."""
        return GenerateImage(self._backends, secrets.randbelow)

    @cached_property
    def edit_image(self) -> EditImage:
        """The use case of POST /v1/images/edits. Raises SettingsError."""
        from imagineart.adapters.pictures import PillowReferenceReader

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
    def _uploads(self) -> UploadStorage:
        from imagineart.adapters.s3_uploads import S3UploadStorage

        bucket = UploadSettings.from_mapping(self._environment).bucket
        return S3UploadStorage(self._aws.region, self._aws.credentials, bucket, self._aws.endpoint_url)

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
    def _access(self) -> Access:
        settings = self._access_settings
        partner_tokens = DynamoDbTokenStore(self._aws, settings.tokens_table)
        internal_tokens = SecretsManagerTokenStore(
            self._secret(settings.internal_tokens_secret, INTERNAL_TOKENS_CACHED_SECONDS), partner_tokens
        )
        authenticate = AuthenticateCaller(
            stores={TokenKind.PARTNER: partner_tokens, TokenKind.INTERNAL: internal_tokens},
            peppers=self._peppers,
            revocations=partner_tokens,
            clock=_CLOCK,
        )
        counter = DynamoDbRequestCounter(self._aws, settings.request_counts_table)
        return Access(authenticate, CountRequest(counter, _CLOCK), _CLOCK)

    @cached_property
    def _backends(self) -> CallBackends:
        from imagineart.adapters.pictures import PillowPictureFinisher

        route = Route("openai", self._backend)
        return CallBackends([route], PillowPictureFinisher(), random_fraction=secrets.SystemRandom().random)

    @cached_property
    def _backend(self) -> ImageBackend:
        from imagineart.adapters.deadline_http import DeadlineHttpClient
        from imagineart.adapters.openai_images import OpenAiImagesBackend

        settings = BackendSettings.from_mapping(self._environment)
        credential = BackendCredential(
            self._secret(settings.credential_secret, BACKEND_CREDENTIAL_CACHED_SECONDS)
        )
        return OpenAiImagesBackend(
            DeadlineHttpClient(settings.base_url),
            settings.generation_model,
            settings.edit_model,
            credential,
            settings.response_format,
        )

    def _secret(self, secret_id: str, cached_seconds: float) -> CachedSecret:
        return CachedSecret(self._aws, secret_id, cached_seconds=cached_seconds, clock=time.monotonic)

"""Clients of AWS, made when they are first needed, and the one translation of their failures."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any, Final

import boto3
import botocore.exceptions
import botocore.parsers
import botocore.session
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.loaders import create_loader

from imagineart.errors import InternalError

CONNECT_TIMEOUT_SECONDS: Final = 1.0
READ_TIMEOUTS_SECONDS: Final[Mapping[str, float]] = {
    "dynamodb": 1.0,
    "secretsmanager": 3.0,
    "s3": 20.0,
    "sqs": 3.0,
    "sesv2": 10.0,
    "apigatewaymanagementapi": 3.0,
    "rekognition": 10.0,
    "bedrock-runtime": 280.0,
    "polly": 60.0,
}
STAND_IN_TIMEOUT_SECONDS: Final = 60.0
"""At an endpoint of its own, AWS is a stand-in that shares a busy machine with its clients."""
MAX_ATTEMPTS: Final = 3
UNKNOWN_CREDENTIALS_LIFE_SECONDS: Final = 900
"""How long temporary credentials live at least whose expiry is not known: as long as a function may run.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

_THROTTLED: Final = frozenset(
    {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException", "SlowDown"}
)
_UNREACHABLE: Final = "Unreachable"


class AwsCallError(InternalError):
    """AWS refused a call or could not be reached.

    `aws_code` is the error code of AWS, such as ``ResourceNotFoundException``, or ``Unreachable``.
    `response` is the whole error response, empty where there is none.
    """

    def __init__(self, aws_code: str, *, detail: str, response: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail=f"{aws_code}: {detail}")
        self.aws_code = aws_code
        self.response = response or {}

    @property
    def is_outage(self) -> bool:
        """Whether AWS could not do its work, which is different from refusing the call."""
        status: int = self.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return self.aws_code == _UNREACHABLE or self.aws_code in _THROTTLED or status >= 500


@contextmanager
def translated_errors(call: str) -> Iterator[None]:
    """Raise AwsCallError in place of what boto3 raises; `call` names the service and operation in the log."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        refusal = error.response.get("Error", {})
        raise AwsCallError(
            str(refusal.get("Code", "Unknown")),
            detail=f"{call}: {refusal.get('Message', '')}",
            response=error.response,
        ) from error
    except (
        botocore.exceptions.BotoCoreError,
        botocore.exceptions.UndefinedModelAttributeError,
        botocore.parsers.ResponseParserError,
        # What botocore raises where renewed credentials have expired already.
        RuntimeError,
    ) as error:
        raise AwsCallError(_UNREACHABLE, detail=f"{call}: {type(error).__name__}") from error


@cache
def _service_models() -> Any:
    return create_loader()


def _botocore_session() -> botocore.session.Session:
    session = botocore.session.Session()
    # Environments that share a process locally share the parsed service models.
    session.register_component("data_loader", _service_models())
    return session


class AwsClients:
    """The boto3 clients of one environment; `variables` are its environment variables.

    Each client is made at its first use, so that an import or a snapshot holds no connection.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        *,
        session: boto3.Session | None = None,
        timeout_seconds: float | None = None,
    ) -> None:
        """`session` has other credentials than `variables`. `timeout_seconds` replaces every time-out."""
        self._variables = variables
        self._given_session = session
        self._clients: dict[tuple[str, str | None, str | None], Any] = {}
        self._making = threading.Lock()
        self.endpoint_url = variables.get("AWS_ENDPOINT_URL") or None
        self._timeout_seconds = timeout_seconds or (STAND_IN_TIMEOUT_SECONDS if self.endpoint_url else None)

    @cached_property
    def session(self) -> boto3.Session:
        """The session that all clients share."""
        if self._given_session is not None:
            return self._given_session
        # Variables that were present at the start are passed on, since several functions share a process
        # locally. Under SnapStart there are none, and boto3 finds the credentials endpoint by itself.
        return boto3.Session(
            botocore_session=_botocore_session(),
            aws_access_key_id=self._variables.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=self._variables.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=self._variables.get("AWS_SESSION_TOKEN"),
            region_name=self._variables.get("AWS_REGION"),
        )

    def client(self, service: str, *, region: str | None = None, endpoint_url: str | None = None) -> Any:
        """The client of a service, in another region or at another address where given."""
        key = (service, region, endpoint_url)
        # Clients may be shared between threads, but not made by two at a time.
        with self._making:
            if key not in self._clients:
                endpoint = endpoint_url or self.endpoint_url
                self._clients[key] = self.session.client(
                    service,
                    region_name=region,
                    endpoint_url=endpoint,
                    config=self._config(service, at_endpoint=endpoint is not None),
                )
            return self._clients[key]

    def credentials_life_seconds(self, wanted: int) -> int:
        """For how many seconds the credentials live on, up to `wanted`.

        They are renewed first where fewer are left. Raises botocore's exceptions.
        """
        credentials = self.session.get_credentials()
        if not isinstance(credentials, RefreshableCredentials):
            is_temporary = credentials is not None and credentials.token
            return min(wanted, UNKNOWN_CREDENTIALS_LIFE_SECONDS) if is_temporary else wanted
        # botocore renews credentials that have less time left than this, and keeps them where that fails.
        renewed_before, credentials._advisory_refresh_timeout = credentials._advisory_refresh_timeout, wanted
        try:
            credentials.get_frozen_credentials()
        finally:
            credentials._advisory_refresh_timeout = renewed_before
        return min(wanted, int(credentials._seconds_remaining()))

    def _config(self, service: str, *, at_endpoint: bool) -> Config:
        # A backend that may have made something is never called twice by itself: that may cost twice.
        attempts = 1 if service in ("bedrock-runtime", "polly") else MAX_ATTEMPTS
        read_timeout_seconds = READ_TIMEOUTS_SECONDS[service]
        return Config(
            connect_timeout=self._timeout_seconds or CONNECT_TIMEOUT_SECONDS,
            read_timeout=self._timeout_seconds or read_timeout_seconds,
            retries={"mode": "standard", "total_max_attempts": attempts},
            parameter_validation=False,
            # Otherwise botocore puts this header together twice a call, in a tenth of the call's time.
            user_agent="imagineart",
            # A stand-in is on this machine, where no proxy is needed.
            proxies={} if at_endpoint else None,
            # Both sides check sums of their own only where an operation needs one.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            # For S3 alone: what signs URLs by Signature Version 4 for one region's host.
            signature_version="s3v4" if service == "s3" else None,
            s3={
                "addressing_style": "path" if at_endpoint else "virtual",
                "us_east_1_regional_endpoint": "regional",
            },
        )

"""Clients of AWS, made when they are first needed, and the one translation of their failures."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

import boto3
import botocore.exceptions
from botocore.config import Config

from imagineart.errors import InternalError

CONNECT_TIMEOUT_SECONDS: Final = 1.0
READ_TIMEOUT_SECONDS: Final[Mapping[str, float]] = {
    "dynamodb": 3.0,
    "secretsmanager": 3.0,
    "s3": 20.0,
    "bedrock-runtime": 280.0,
}
MAX_ATTEMPTS: Final = 3


class AwsCallError(InternalError):
    """AWS refused a call or could not be reached.

    `aws_code` is the error code of AWS, such as ``ResourceNotFoundException``, or ``Unreachable``.
    `response` is the whole error response, empty where there is none.
    """

    def __init__(self, aws_code: str, *, detail: str, response: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail=f"{aws_code}: {detail}")
        self.aws_code = aws_code
        self.response = response or {}


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
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError) as error:
        raise AwsCallError("Unreachable", detail=f"{call}: {type(error).__name__}") from error


class AwsClients:
    """The boto3 clients of one environment; `variables` are its environment variables.

    Each client is made at its first use, so that an import or a snapshot holds no connection.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._clients: dict[tuple[str, str | None, str | None], Any] = {}

    @cached_property
    def session(self) -> boto3.Session:
        """The session that all clients share."""
        # Variables that were present at the start are passed on, since several functions share a process
        # locally. Under SnapStart there are none, and boto3 finds the credentials endpoint by itself.
        return boto3.Session(
            aws_access_key_id=self._variables.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=self._variables.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=self._variables.get("AWS_SESSION_TOKEN"),
            region_name=self._variables.get("AWS_REGION"),
        )

    def client(self, service: str, *, region: str | None = None, endpoint_url: str | None = None) -> Any:
        """The client of a service, in another region or at another address where given."""
        key = (service, region, endpoint_url)
        if key not in self._clients:
            self._clients[key] = self.session.client(
                service,
                region_name=region,
                endpoint_url=endpoint_url or self._variables.get("AWS_ENDPOINT_URL") or None,
                config=_config(service),
            )
        return self._clients[key]


def _config(service: str) -> Config:
    # A backend that may have made an image is never called twice by itself: that may cost twice.
    attempts = 1 if service == "bedrock-runtime" else MAX_ATTEMPTS
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS[service],
        retries={"mode": "standard", "total_max_attempts": attempts},
        parameter_validation=False,
        # Both sides check sums of their own only where an operation needs one.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )

"""boto3's clients: made once when they are needed, bounded in time, and never failing with foreign errors."""

from datetime import UTC, datetime, timedelta

import botocore.exceptions
import botocore.parsers
import pytest
from botocore.credentials import RefreshableCredentials

from imagineart.aws import (
    MAX_ATTEMPTS,
    UNKNOWN_CREDENTIALS_LIFE_SECONDS,
    AwsCallError,
    AwsClients,
    translated_errors,
)
from imagineart.errors import InternalError
from tests.fakes.lossy_aws import LossyAws

KEYS = {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}
HOUR = 3600

foreign = sorted(
    (
        each
        for each in (*vars(botocore.exceptions).values(), botocore.parsers.ResponseParserError)
        if isinstance(each, type) and issubclass(each, Exception) and not issubclass(each, Warning)
    ),
    key=lambda each: each.__name__,
)


def instance(exception_class: type[Exception]) -> Exception:
    """An exception as botocore raises it, without the arguments of each class."""
    error = exception_class.__new__(exception_class)
    if isinstance(error, botocore.exceptions.ClientError):
        error.response = {"Error": {"Code": "SomeCode", "Message": "as AWS says"}}
    return error


@pytest.mark.parametrize("exception_class", foreign, ids=lambda each: each.__name__)
def test_no_exception_of_botocore_is_unmapped(exception_class: type[Exception]) -> None:
    with pytest.raises(AwsCallError) as caught, translated_errors("dynamodb get_item"):
        raise instance(exception_class)
    assert caught.value.message == InternalError().message
    assert "dynamodb get_item" in (caught.value.detail or "")


def call_failing(clients: AwsClients) -> AwsCallError:
    with pytest.raises(AwsCallError) as caught, translated_errors("dynamodb get_item"):
        clients.client("dynamodb").get_item(TableName="absent", Key={"key": {"S": "x"}})
    return caught.value


def test_a_refusal_has_the_code_of_aws_for_the_log_and_nothing_of_it_for_the_caller(aws: AwsClients) -> None:
    error = call_failing(aws)
    assert error.aws_code == "ResourceNotFoundException"
    assert (error.detail or "").startswith("ResourceNotFoundException: dynamodb get_item: ")
    assert error.message == InternalError().message
    assert not error.is_outage


@pytest.mark.parametrize(
    ("code", "status", "is_outage"),
    [
        ("InternalServiceError", 500, True), ("ThrottlingException", 400, True),
        ("AccessDeniedException", 400, False), ("ResourceNotFoundException", 400, False),
    ],
)  # fmt: skip
def test_an_outage_is_told_from_a_refusal(code: str, status: int, is_outage: bool) -> None:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    with pytest.raises(AwsCallError) as caught, translated_errors("a call"):
        raise botocore.exceptions.ClientError(response, "GetSecretValue")
    assert caught.value.is_outage is is_outage


def test_a_lost_call_is_sent_again_and_not_for_ever(lossy_aws: LossyAws) -> None:
    lossy_aws.lose("ListTables", MAX_ATTEMPTS - 1, after_effect=False)
    lossy_aws.client("dynamodb").list_tables()
    assert lossy_aws.calls == ["ListTables"] * MAX_ATTEMPTS
    lossy_aws.lose("GetItem", 100, after_effect=False)
    assert call_failing(lossy_aws).is_outage
    assert lossy_aws.calls[MAX_ATTEMPTS:] == ["GetItem"] * MAX_ATTEMPTS


@pytest.mark.parametrize(
    ("service", "connect_seconds", "read_seconds", "attempts"),
    [("dynamodb", 1, 1, 3), ("secretsmanager", 1, 3, 3), ("s3", 1, 20, 3), ("bedrock-runtime", 1, 280, 1)],
)
def test_calls_of_aws_are_bounded_in_time_and_attempts(
    service: str, connect_seconds: float, read_seconds: float, attempts: int
) -> None:
    config = AwsClients(KEYS).client(service).meta.config
    assert (config.connect_timeout, config.read_timeout) == (connect_seconds, read_seconds)
    assert config.retries == {"mode": "standard", "total_max_attempts": attempts}


def test_a_stand_in_has_more_time_and_a_test_what_it_wants() -> None:
    stand_in = {**KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    assert AwsClients(stand_in).client("dynamodb").meta.config.read_timeout == 60
    assert AwsClients(stand_in, timeout_seconds=0.5).client("s3").meta.config.read_timeout == 0.5


def test_a_client_is_made_once_for_each_service_region_and_address() -> None:
    clients = AwsClients(KEYS)
    assert clients.client("dynamodb") is clients.client("dynamodb")
    elsewhere = clients.client("bedrock-runtime", region="us-west-2", endpoint_url="https://vpce.example.com")
    assert elsewhere is not clients.client("bedrock-runtime", region="us-west-2")
    assert (elsewhere.meta.region_name, elsewhere.meta.endpoint_url) == (
        "us-west-2",
        "https://vpce.example.com",
    )


# How long credentials live


def clients_with(credentials: RefreshableCredentials) -> AwsClients:
    class Session:
        def get_credentials(self) -> RefreshableCredentials:
            return credentials

    return AwsClients(KEYS, session=Session())  # type: ignore[arg-type]


class CredentialsEndpoint:
    """Hands out credentials that last so many seconds from now on."""

    def __init__(self, *lives_seconds: float) -> None:
        self.lives = list(lives_seconds)
        self.credentials = RefreshableCredentials.create_from_metadata(self(), self, "test")

    def __call__(self) -> dict[str, str]:
        if not self.lives:
            raise botocore.exceptions.CredentialRetrievalError(provider="test", error_msg="out of order")
        expires_at = datetime.now(UTC) + timedelta(seconds=self.lives.pop(0))
        return {
            "access_key": f"ASIA{len(self.lives)}",
            "secret_key": "secret",
            "token": "token",
            "expiry_time": expires_at.isoformat(),
        }


def life_seconds(*lives_seconds: float) -> int:
    return clients_with(CredentialsEndpoint(*lives_seconds).credentials).credentials_life_seconds(HOUR)


def test_credentials_that_last_long_enough_are_not_renewed() -> None:
    endpoint = CredentialsEndpoint(2 * HOUR, 3 * HOUR)
    assert clients_with(endpoint.credentials).credentials_life_seconds(HOUR) == HOUR
    assert endpoint.lives == [3 * HOUR]


def test_credentials_that_end_too_soon_are_renewed() -> None:
    assert life_seconds(HOUR / 2, 2 * HOUR) == HOUR


@pytest.mark.parametrize("renewed", [[], [HOUR / 2]], ids=["out of order", "no longer"])
def test_where_renewing_does_not_help_the_life_is_that_of_the_credentials(renewed: list[float]) -> None:
    assert HOUR / 2 - 60 < life_seconds(HOUR / 2, *renewed) <= HOUR / 2


def test_renewed_credentials_that_have_expired_already_are_our_own_failure() -> None:
    with pytest.raises(AwsCallError), translated_errors("s3 presigning"):
        life_seconds(60, -1)


def test_temporary_credentials_of_unknown_expiry_live_as_long_as_a_function_may_run() -> None:
    assert AwsClients({**KEYS, "AWS_SESSION_TOKEN": "token"}).credentials_life_seconds(HOUR) == 900
    assert UNKNOWN_CREDENTIALS_LIFE_SECONDS == 900


def test_credentials_without_a_session_do_not_end() -> None:
    assert AwsClients(KEYS).credentials_life_seconds(HOUR) == HOUR

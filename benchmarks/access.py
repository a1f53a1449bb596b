"""What letting a caller in costs: DynamoDB round trips, and the client's processor time for the same calls.

Both sides call a stand-in with canned answers in a process of its own, by turns.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

import boto3
from imagineart.adapters.aws_client import AwsClient
from imagineart.adapters.aws_signature import Credentials
from imagineart.adapters.dynamodb_consumers import DynamoDbConsumers
from imagineart.adapters.dynamodb_table import DynamoDbTable
from imagineart.adapters.dynamodb_tokens import DynamoDbTokenStore
from imagineart.domain.operations import GENERATE_IMAGE
from imagineart.domain.tokens import Peppers, TokenKind
from imagineart.use_cases.admit_request import AdmitRequest
from imagineart.use_cases.authenticate_caller import AuthenticateCaller
from imagineart.web.access import Access

from benchmarks.measurements import Measurement
from benchmarks.stand_ins import PEPPERS, TOKEN, start_stand_ins
from local.cloud import CREDENTIALS, REGION

UNCOUNTED_REQUESTS: Final = 50
COUNTED_REQUESTS: Final = 400
GOAL: Final = 0.5
MAX_ROUND_TRIPS: Final = 2
_CREDENTIALS: Final = Credentials(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
_HEADERS: Final = {"authorization": f"Bearer {TOKEN.text}", "x-forwarded-proto": "https"}


@dataclass(frozen=True, slots=True)
class _RecordingClient(AwsClient):
    """A client that remembers its calls."""

    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def call(self, service: str, operation: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append((operation, payload))
        return AwsClient.call(self, service, operation, payload)


class _HeldPeppers:
    """Peppers that were read before, as they are for minutes."""

    def read(self) -> Peppers:
        return PEPPERS

    def read_anew(self) -> Peppers:
        return PEPPERS


def measure() -> list[Measurement]:
    """One request let in, against boto3 making the same calls."""
    stand_ins = start_stand_ins()
    try:
        return _compare(stand_ins.url)
    finally:
        stand_ins.stop()


def _compare(url: str) -> list[Measurement]:
    recording = _RecordingClient(REGION, lambda: _CREDENTIALS, url)
    _let_in(_access(recording))
    client = boto3.client("dynamodb", region_name=REGION, endpoint_url=url, **_boto3_credentials())
    methods = {"GetItem": client.get_item, "UpdateItem": client.update_item}
    access = _access(AwsClient(REGION, lambda: _CREDENTIALS, url))

    def call_with_boto3() -> None:
        for operation, payload in recording.calls:
            methods[operation](**payload)

    ours, theirs = _times_ms(lambda: _let_in(access), call_with_boto3)
    trips = len(recording.calls)
    return [
        Measurement("letting a caller in: DynamoDB", trips, "trips", MAX_ROUND_TRIPS, limit=MAX_ROUND_TRIPS),
        Measurement("letting a caller in: CPU", ours, "ms", theirs, goal=GOAL),
    ]


def _access(client: AwsClient) -> Access:
    tokens = DynamoDbTokenStore(DynamoDbTable(client, "tokens"))
    consumers = DynamoDbConsumers(DynamoDbTable(client, "consumers"))
    authenticate = AuthenticateCaller({TokenKind.PARTNER: tokens}, _HeldPeppers(), tokens, time.time)
    return Access(authenticate, AdmitRequest(consumers, lambda _: 7, time.time))


def _let_in(access: Access) -> None:
    caller = access.identify(_HEADERS)
    admission = access.let_in(caller, GENERATE_IMAGE, remaining_seconds=285, may_be_replayed=False)
    if admission.slot is None:
        raise RuntimeError("the request has no slot")


def _boto3_credentials() -> dict[str, str]:
    return {
        "aws_access_key_id": _CREDENTIALS.access_key_id,
        "aws_secret_access_key": _CREDENTIALS.secret_access_key,
    }


def _times_ms(*works: Callable[[], None]) -> list[float]:
    """The median processor time of each, all by turns."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(UNCOUNTED_REQUESTS + COUNTED_REQUESTS):
        for kept, work in zip(times, works, strict=True):
            started = time.process_time()
            work()
            kept.append((time.process_time() - started) * 1e3)
    return [median(each[UNCOUNTED_REQUESTS:]) for each in times]

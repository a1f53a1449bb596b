"""Runware's task API over WebSocket: authentication, pings, tasks and sessions."""

import time
import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fault_backend import Response, json_image
from tests.functions.deployment import Deployment, open_png
from tests.functions.generating_backend import GeneratingBackend, always, noise_file
from tests.functions.socket_clients import ManagementServer, SocketClient, results_of
from tests.functions.test_runware import inference, post

PING = {"taskType": "ping", "ping": True}
PONG = {"data": [{"taskType": "ping", "pong": True}]}


@pytest.fixture
def socket(api: Deployment, management: ManagementServer) -> SocketClient:
    """A connection that has not authenticated."""
    return SocketClient(api, management)


def only_error(messages: list[dict[str, Any]]) -> dict[str, Any]:
    (message,) = messages
    (error,) = message["errors"]
    assert message.keys() == {"errors"}
    return error


def test_a_connection_authenticates_once_and_is_answered_pings(socket: SocketClient, api: Deployment) -> None:
    session = socket.authenticate(api.issue_token().text)
    assert uuid.UUID(session).version == 4
    assert socket.send(PING) == socket.send(PING, PING) == [PONG]


def test_a_ping_that_overtakes_the_authentication_is_answered_as_any(socket: SocketClient) -> None:
    """PyPI ``runware`` sends one without waiting, and takes an error for that of its pending task."""
    assert socket.send(PING) == [PONG]


def test_tasks_may_follow_in_the_message_that_authenticates(socket: SocketClient, api: Deployment) -> None:
    key = api.issue_token().text
    answers = socket.send({"taskType": "authentication", "apiKey": key}, PING)
    assert [answer["data"][0]["taskType"] for answer in answers] == ["authentication", "ping"]


@pytest.mark.parametrize("key", ["no key", "", None, 1, "iart_p000000000000000_x"])
def test_a_bad_key_is_refused_as_runware_does(socket: SocketClient, key: Any) -> None:
    error = only_error(socket.send({"taskType": "authentication", "apiKey": key}))
    assert error.pop("message")
    assert error.pop("documentation")
    code = "invalidApiKey" if isinstance(key, str) and key else "missingApiKey"
    expected = {"code": code, "parameter": "apiKey", "type": "string", "taskType": "authentication"}
    assert error == expected


def test_nothing_is_done_and_nothing_written_before_authentication(
    own_api: Deployment, management: ManagementServer
) -> None:
    socket = SocketClient(own_api, management)
    task = inference()
    (message,) = socket.send(task, PING)
    assert [error["code"] for error in message["errors"]] == ["missingApiKey"] * 2
    assert message["errors"][0]["taskUUID"] == task["taskUUID"]
    assert own_api.aws("dynamodb").scan(TableName=own_api.references["ConnectionsTable"])["Count"] == 0


@pytest.mark.parametrize("text", ["no json", "{}", "[]", '"a"', str([0] * 1000), "[" * 100_000, ""])
def test_a_message_that_is_no_array_of_tasks_is_answered_with_one_error(
    socket: SocketClient, text: str
) -> None:
    error = only_error(socket.send_text(text))
    assert error["code"] in ("invalidJSON", "invalidArrayLength")
    assert "taskUUID" not in error


def test_every_error_has_the_uuid_of_its_task(socket: SocketClient, api: Deployment) -> None:
    socket.authenticate(api.issue_token().text)
    tasks = [inference(steps=3), inference(taskType="unknown"), inference(model="other:1@1")]
    (message,) = socket.send(*tasks)
    assert [error["taskUUID"] for error in message["errors"]] == [task["taskUUID"] for task in tasks]
    assert [error["code"] for error in message["errors"]] == [
        "unsupportedParameter", "invalidTaskType", "invalidModel",
    ]  # fmt: skip


def test_a_token_that_was_revoked_ends_its_connections(socket: SocketClient, api: Deployment) -> None:
    token = api.issue_token()
    socket.authenticate(token.text)
    api.operator.manage_tokens.revoke(token.id)
    assert only_error(socket.send(PING))["code"] == "invalidApiKey"


def test_a_session_is_resumed_by_its_consumer_alone(api: Deployment, management: ManagementServer) -> None:
    token = api.issue_token()
    session = SocketClient(api, management).authenticate(token.text)
    again = SocketClient(api, management)
    assert again.authenticate(token.text, connectionSessionUUID=session) == session
    other = SocketClient(api, management)
    assert other.authenticate(api.issue_token().text, connectionSessionUUID=session) != session
    assert other.authenticate(token.text, connectionSessionUUID="../x") != session


@pytest.fixture
def client(own_api: Deployment, management: ManagementServer) -> SocketClient:
    """An authenticated connection, to an API whose queues no other test fills."""
    client = SocketClient(own_api, management)
    client.authenticate(own_api.issue_token("acme").text)
    return client


def set_ended(api: Deployment, seconds_ago: float) -> None:
    """Let the only job have ended so long ago."""
    table = api.references["JobsTable"]
    (item,) = [each for each in api.aws("dynamodb").scan(TableName=table)["Items"] if "ended_at" in each]
    ended_at = {"N": str(time.time() - seconds_ago)}
    api.aws("dynamodb").put_item(TableName=table, Item=item | {"ended_at": ended_at})


def test_the_results_of_a_synchronous_task_come_when_they_are_made(
    client: SocketClient, own_api: Deployment
) -> None:
    task = inference(numberResults=3, seed=5, outputFormat="PNG")
    assert client.send(task) == []
    own_api.work_off()
    results = client.results()
    assert [(each["taskUUID"], each["seed"]) for each in results] == [
        (task["taskUUID"], seed) for seed in (5, 6, 7)
    ]
    with own_api.client() as anybody:
        path = urlsplit(results[0]["imageURL"]).path
        assert open_png(anybody.get(path).content).size == (1024, 1024)


def test_an_asynchronous_task_is_acknowledged_then_polled_or_pushed_alike(
    client: SocketClient, own_api: Deployment
) -> None:
    task = inference(deliveryMethod="async")
    poll = {"taskType": "getResponse", "taskUUID": task["taskUUID"]}
    acknowledgement = {"taskType": "imageInference", "taskUUID": task["taskUUID"]}
    assert results_of(client.send(task)) == results_of(client.send(task)) == [acknowledgement]
    assert [each["status"] for each in results_of(client.send(poll))] == ["processing"]
    before = len(client.received)
    own_api.work_off()
    pushed = results_of(client.received[before:])
    assert [each["status"] for each in pushed] == ["success"]
    assert results_of(client.send(poll)) == pushed


@pytest.mark.parametrize("is_made", [False, True])
def test_a_task_that_is_sent_again_gets_its_results_where_it_came(
    client: SocketClient, own_api: Deployment, backend: GeneratingBackend, is_made: bool
) -> None:
    task = inference()
    client.send(task)
    client.disconnect()
    if is_made:
        own_api.work_off()
    again = SocketClient(own_api, client.management)
    again.authenticate(client.key)
    again.send(task)
    own_api.work_off()
    set_ended(own_api, seconds_ago=61)
    own_api.gateway.invoke("SweepJobsFunction", {})
    assert [each["taskUUID"] for each in again.results()] == [task["taskUUID"]]
    assert len(backend.requests) == 1


def test_a_task_that_fails_ends_with_one_error(
    client: SocketClient, own_api: Deployment, backend: GeneratingBackend
) -> None:
    backend.reply = always(Response(401))
    task = inference()
    client.send(task)
    own_api.work_off()
    error = only_error(client.received[1:])
    assert (error["taskUUID"], error["status"]) == (task["taskUUID"], "error")


def test_an_image_in_a_message_is_refused_before_it_is_made(
    client: SocketClient, own_api: Deployment, backend: GeneratingBackend
) -> None:
    task = inference(outputType="base64Data")
    error = only_error(client.send(task))
    assert (error["code"], error["taskUUID"]) == ("unsupportedOutputType", task["taskUUID"])
    assert own_api.work_off() == 0


def test_what_is_larger_than_a_message_is_an_error_that_says_where_to_get_it(
    client: SocketClient, own_api: Deployment, backend: GeneratingBackend
) -> None:
    backend.reply = always(json_image(noise_file(1024, 1024)))
    task = inference(deliveryMethod="async", outputType="dataURI", outputFormat="PNG")
    with own_api.client(Authorization=f"Bearer {client.key}") as rest:
        assert post(rest, task).status_code == 200
    own_api.work_off()
    error = only_error(client.send({"taskType": "getResponse", "taskUUID": task["taskUUID"]}))
    assert (error["code"], error["taskUUID"]) == ("unsupportedOutputType", task["taskUUID"])
    assert "URL" in error["message"]
    assert "HTTP" in error["message"]


def test_results_go_to_the_connection_that_a_session_has_by_then(
    client: SocketClient, own_api: Deployment
) -> None:
    task = inference()
    client.send(task)
    client.disconnect()
    again = client.resumed()
    own_api.work_off()
    assert [each["taskUUID"] for each in again.results()] == [task["taskUUID"]]


def test_results_that_came_while_no_connection_was_there_are_sent_once_it_is_resumed(
    client: SocketClient, own_api: Deployment
) -> None:
    task = inference(numberResults=2)
    client.send(task)
    client.disconnect()
    own_api.work_off()
    set_ended(own_api, seconds_ago=100)
    again = client.resumed()
    assert [each["taskUUID"] for each in again.results()] == [task["taskUUID"]] * 2
    again.disconnect()
    assert client.resumed().results() == []


def test_results_are_kept_for_a_session_for_two_minutes(client: SocketClient, own_api: Deployment) -> None:
    client.send(inference())
    client.disconnect()
    own_api.work_off()
    set_ended(own_api, seconds_ago=121)
    assert client.resumed().results() == []


def test_results_that_could_not_be_sent_are_sent_by_the_sweeper(
    client: SocketClient, own_api: Deployment
) -> None:
    task = inference()
    client.send(task)
    client.management.failures = 3
    own_api.work_off()
    assert client.results() == []
    set_ended(own_api, seconds_ago=61)
    for _ in range(2):
        own_api.gateway.invoke("SweepJobsFunction", {})
        assert [each["taskUUID"] for each in client.results()] == [task["taskUUID"]]

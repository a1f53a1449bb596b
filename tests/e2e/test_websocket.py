"""Runware's task API over WebSocket: a client authenticates, and gets the image of a task."""

import json
import uuid
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.e2e.target import Target
from tests.processes import PATIENCE_SECONDS


def exchange(client: ClientConnection, **task: Any) -> dict[str, Any]:
    """The result that comes after a task was sent."""
    client.send(json.dumps([task]))
    message = json.loads(client.recv(PATIENCE_SECONDS))
    assert message.keys() == {"data"}, message
    (result,) = message["data"]
    assert isinstance(result, dict)
    return result


def test_a_client_authenticates_pings_and_gets_an_image(target: Target) -> None:
    task_uuid = str(uuid.uuid4())
    with connect(target.websocket_url, proxy=None, open_timeout=PATIENCE_SECONDS) as client:
        session = exchange(client, taskType="authentication", apiKey=target.token)
        assert session["connectionSessionUUID"]
        assert exchange(client, taskType="ping", ping=True) == {"taskType": "ping", "pong": True}
        result = exchange(
            client,
            taskType="imageInference",
            taskUUID=task_uuid,
            model="imagineart:2.0@0",
            positivePrompt="a lighthouse",
            width=1024,
            height=1024,
            seed=7,
        )
    assert (result["taskUUID"], result["seed"], result["status"]) == (task_uuid, 7, "success")
    with target.client("no token needed") as anybody:
        path = "/results/" + result["imageURL"].rpartition("/")[2]
        image = anybody.get(path)
    assert (image.status_code, image.headers["Content-Type"]) == (200, "image/jpeg")

"""Runware's task API over HTTP: an array of tasks in, results and errors out."""

import uuid
from typing import Any

import httpx

from tests.functions.deployment import Deployment, open_png
from tests.functions.generating_backend import colour_of

AIR = "imagineart:2.0@0"


def inference(**fields: Any) -> dict[str, Any]:
    """A task of one small image."""
    return {
        "taskType": "imageInference",
        "taskUUID": str(uuid.uuid4()),
        "model": AIR,
        "positivePrompt": "a lighthouse",
        "width": 1024,
        "height": 1024,
    } | fields


def post(client: httpx.Client, *tasks: Any) -> httpx.Response:
    return client.post("/runware/v1", json=list(tasks))


def test_an_image_is_made_and_fetched_at_its_url(client: httpx.Client, api: Deployment) -> None:
    task = inference(outputFormat="PNG", seed=7, width=1360, height=768)
    response = post(client, task)
    assert response.status_code == 200, response.text
    assert response.json().keys() == {"data"}
    (result,) = response.json()["data"]
    assert (result["taskUUID"], result["seed"]) == (task["taskUUID"], 7)
    with api.client() as anybody:
        image = open_png(anybody.get(result["imageURL"]).content)
    assert (image.size, image.getpixel((5, 5))) == ((1360, 768), colour_of("a lighthouse"))


def test_a_key_may_come_as_the_first_task(api: Deployment) -> None:
    token = api.issue_token()
    with api.client() as client:
        response = post(
            client, {"taskType": "authentication", "apiKey": token.text}, {"taskType": "ping", "ping": True}
        )
        assert response.json() == {"data": [{"taskType": "ping", "pong": True}]}

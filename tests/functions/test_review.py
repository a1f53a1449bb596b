"""What a review of the functions found, through the public door."""

from threading import Event, Thread
from typing import Any

import httpx
import pytest

from imagineart.apis.common import call
from imagineart.s3 import Bucket
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment

SECONDS_TO_THE_DEADLINE = 4


def give_little_time(document: dict[str, Any]) -> None:
    properties = document["Resources"]["GenerateImageFunction"]["Properties"]
    properties["Timeout"] = call.RESERVED_SECONDS + SECONDS_TO_THE_DEADLINE


def test_a_response_that_storage_does_not_take_in_time_is_sent_all_the_same(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = Event()
    monkeypatch.setattr(Bucket, "put", lambda *_: released.wait())
    # The backend gets all of the time.
    monkeypatch.setattr(call, "KEEPING_SECONDS", 0)
    api = deploy(give_little_time)
    with api.client(api.issue_token("acme"), **{"Idempotency-Key": "key"}) as client:
        response = client.post("/v1/images/generations", data={"prompt": "a fox", "resolution": "1K"})
    released.set()
    assert response.status_code == 200
    assert [(row.outcome, row.images) for row in api.usage("acme")] == [("ok", 1)]


def test_the_dependencies_of_a_route_start_no_thread(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    start = Thread.start

    def noted(thread: Thread) -> None:
        names.append(thread.name)
        start(thread)

    monkeypatch.setattr(Thread, "start", noted)
    assert client.get("/v1/models").status_code == 200
    assert "AnyIO worker thread" not in names


def test_a_strange_forwarded_protocol_changes_nothing(api: Deployment, client: httpx.Client) -> None:
    request = client.build_request("GET", "/v1/models", headers={"X-Forwarded-Proto": "gopher"})
    del request.headers["Host"]
    assert client.send(request).status_code == 200

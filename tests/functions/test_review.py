"""What a review of the functions found, through the public door."""

import asyncio
from contextlib import closing
from threading import Event, Thread, current_thread
from typing import Any

import httpx
import pytest

from imagineart.apis.common import call
from imagineart.apis.common.application import lambda_handler
from imagineart.images import references
from imagineart.s3 import Bucket
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment, edit
from tests.functions.generating_backend import image_file
from tests.streaming.events import rest_event

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


@pytest.mark.parametrize("field", ["headers", "multiValueHeaders"])
def test_the_ports_of_several_proxies_do_no_harm(field: str) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    ports = ["443", "80"] if field == "multiValueHeaders" else "443,80"
    event = rest_event("/") | {field: {"X-Forwarded-Port": ports}}
    with closing(asyncio.new_event_loop()) as loop:
        asyncio.set_event_loop(loop)
        assert lambda_handler(app, {})(event, None)["statusCode"] == 204
    asyncio.set_event_loop(None)


def test_a_prompt_with_a_lone_surrogate_leaves_its_line_where_prompts_are_logged(
    deploy: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    def log_to_this_test(document: dict[str, Any]) -> None:
        variables = document["Resources"]["GenerateImageFunction"]["Properties"]["Environment"]["Variables"]
        variables["POWERTOOLS_SERVICE_NAME"] = "test-surrogates"

    api = deploy(log_to_this_test, LogPrompts="true")
    with api.client(api.issue_token()) as client:
        body = b'{"prompt": "fox \\ud800"}'
        response = client.post(
            "/v1/images/generations", content=body, headers={"Content-Type": "application/json"}
        )
    assert response.status_code == 400
    assert r'"prompt":"fox \\ud800"' in capsys.readouterr().out


def test_one_thread_decodes_all_references(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []
    read_reference = references.read_reference

    def noted(content: bytes, *, label: str) -> Any:
        threads.append(current_thread().name)
        return read_reference(content, label=label)

    monkeypatch.setattr(references, "read_reference", noted)
    assert edit(client, image_file((64, 64)), image_file((64, 64))).status_code == 200
    assert threads == ["images_0"] * 2

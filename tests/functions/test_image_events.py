"""``stream=true``: images come as events, and nothing is sent before the request is settled."""

import base64
import json
import threading
from collections.abc import Iterator

import openai
import pytest
from openai import OpenAI

from imagineart.apis.common import events
from tests.fault_backend import RecordedRequest, Response, refusal
from tests.functions.conftest import Deploy
from tests.functions.deployment import (
    Deployment,
    assert_error,
    generate,
    open_png,
    without_the_streaming_layer,
)
from tests.functions.generating_backend import (
    GeneratingBackend,
    Reply,
    always,
    colour_of,
    generated,
    image_file,
)
from tests.functions.test_openai_sdk import sdk

BODY = {"prompt": "a fox", "size": "1024x1024", "stream": True}
WAIT_SECONDS = 60


def sent_events(text: str) -> list[tuple[str, dict[str, object]]]:
    """The names and the data of the events in a body."""
    lines = [part.split("\n") for part in text.strip().split("\n\n") if not part.startswith(":")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


@pytest.fixture
def client(api: Deployment) -> Iterator[OpenAI]:
    with sdk(api) as made:
        yield made


@pytest.fixture
def quick_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.01)


def test_a_stream_has_one_completed_event_of_each_image(client: OpenAI) -> None:
    stream = client.images.generate(
        prompt="a fox", size="1024x1024", n=2, stream=True, partial_images=2, extra_body={"seed": 7}
    )
    made = list(stream)
    assert [event.type for event in made] == ["image_generation.completed"] * 2, (
        "no backend shows partial ones"
    )
    assert [(event.model_extra or {})["seed"] for event in made] == [7, 8]
    for event in made:
        png = open_png(base64.b64decode(event.b64_json, validate=True))
        assert png.getcolors() == [(1024 * 1024, colour_of("a fox"))]
        assert (event.size, event.output_format, event.background) == ("1024x1024", "png", "auto")


def test_an_edit_has_events_of_its_own_names_and_urls_where_they_were_asked_for(
    client: OpenAI, api: Deployment
) -> None:
    (event,) = client.images.edit(
        image=image_file((64, 64)), prompt="at dusk", size="512x512", stream=True, response_format="url"
    )
    assert event.type == "image_edit.completed"
    with api.client() as anonymous:
        assert open_png(anonymous.get((event.model_extra or {})["url"]).content).size == (512, 512)


def test_unfinished_images_of_a_backend_that_shows_them_are_passed_on_in_the_size_of_the_finished_one(
    deploy: Deploy, backend: GeneratingBackend
) -> None:
    def event(name: str, prompt: str, **more: object) -> bytes:
        image = base64.b64encode(image_file((944, 704), prompt)).decode()
        data = {"type": f"image_generation.{name}", "b64_json": image, **more}
        return f"event: image_generation.{name}\ndata: {json.dumps(data)}\n\n".encode()

    usage = {
        "input_tokens": 3, "input_tokens_details": {"image_tokens": 1, "text_tokens": 2},
        "output_tokens": 4, "total_tokens": 7,
    }  # fmt: skip
    body = b"".join([
        event("partial_image", "first", partial_image_index=0),
        event("partial_image", "second", partial_image_index=1), event("completed", "last", usage=usage),
    ])  # fmt: skip
    backend.reply = always(Response(200, "text/event-stream", body))
    api = deploy(generation_backends=f"openai {backend.base_url} gpt-image-2")
    made = list(sdk(api).images.generate(prompt="a fox", size="512x512", stream=True, partial_images=2))
    assert [(event.type, getattr(event, "partial_image_index", None)) for event in made] == [
        ("image_generation.partial_image", 0),
        ("image_generation.partial_image", 1),
        ("image_generation.completed", None),
    ]
    images = [open_png(base64.b64decode(event.b64_json)) for event in made]
    assert [image.size for image in images] == [(512, 512)] * 3
    assert [image.getpixel((0, 0)) for image in images] == [
        colour_of(each) for each in ("first", "second", "last")
    ]
    assert made[-1].usage.to_dict() == usage  # type: ignore[union-attr]
    assert (backend.requests[0].json["stream"], backend.requests[0].json["partial_images"]) == (True, 2)


def hold_back(backend: GeneratingBackend, reply: Reply) -> threading.Event:
    """Let the backend reply only once the event is set."""
    released = threading.Event()

    def reply_when_released(request: RecordedRequest) -> Response:
        released.wait(WAIT_SECONDS)
        return reply(request)

    backend.reply = reply_when_released
    return released


@pytest.mark.usefixtures("quick_heartbeats")
def test_while_nothing_is_sent_there_are_heartbeats_and_the_request_is_settled_before_its_last_event(
    api: Deployment, backend: GeneratingBackend
) -> None:
    may_finish = hold_back(backend, generated)
    consumer_id = api.new_consumer_id()
    with api.client(api.issue_token(consumer_id, concurrent_requests=1)) as client:
        with client.stream("POST", "/v1/images/generations", json=BODY) as response:
            pieces = response.iter_raw()
            assert [next(pieces) for _ in range(3)] == [b": heartbeat\n\n"] * 3
            assert response.headers["Content-Type"] == "text/event-stream"
            assert api.usage(consumer_id) == []
            may_finish.set()
            last = next(piece for piece in pieces if not piece.startswith(b":"))
            assert [(row.outcome, row.images) for row in api.usage(consumer_id)] == [("ok", 1)]
            assert generate(client).status_code == 200, "the slot is free"
        assert [name for name, _ in sent_events(last.decode())] == ["image_generation.completed"]


@pytest.mark.usefixtures("quick_heartbeats")
def test_a_failure_after_the_first_byte_is_an_event_and_counts_no_image(
    api: Deployment, backend: GeneratingBackend
) -> None:
    may_fail = hold_back(backend, always(refusal(500)))
    consumer_id = api.new_consumer_id()
    with api.client(api.issue_token(consumer_id)) as client:
        with client.stream("POST", "/v1/images/generations", json=BODY) as response:
            pieces = response.iter_raw()
            begun = next(pieces)
            may_fail.set()
            rest = b"".join(pieces)
        assert (response.status_code, begun) == (200, b": heartbeat\n\n")
        ((name, data),) = sent_events(rest.decode())
        assert (name, data["error"]["code"]) == ("error", "model_error")  # type: ignore[index]
        assert data["error"]["request_id"] == response.headers["X-Request-Id"]  # type: ignore[index]
    assert [(row.outcome, row.images) for row in api.usage(consumer_id)] == [("model_error", 0)]


@pytest.mark.usefixtures("quick_heartbeats")
def test_openai_s_client_raises_an_error_that_comes_as_an_event(
    client: OpenAI, backend: GeneratingBackend
) -> None:
    backend.reply = always(refusal(500))
    with pytest.raises(openai.APIError, match="The inference backend failed"):
        list(client.images.generate(prompt="a fox", size="1024x1024", stream=True))


@pytest.mark.usefixtures("quick_heartbeats")
def test_a_client_that_leaves_pays_for_its_images_as_lambda_makes_them_all_the_same(
    api: Deployment, backend: GeneratingBackend
) -> None:
    may_finish = hold_back(backend, generated)
    consumer_id = api.new_consumer_id()
    with api.client(api.issue_token(consumer_id, images_per_day=3)) as client:
        with client.stream("POST", "/v1/images/generations", json=BODY | {"n": 2}) as response:
            next(response.iter_raw())
        may_finish.set()
        refused = client.post("/v1/images/generations", json=BODY | {"n": 2, "stream": False})
        assert "3 images a day" in assert_error(refused, 429, "rate_limited")
    assert ("ok", 2) in [(row.outcome, row.images) for row in api.usage(consumer_id)]


def test_a_failure_before_the_first_byte_has_a_status_of_its_own(
    client: OpenAI, backend: GeneratingBackend
) -> None:
    backend.reply = always(refusal(401))
    with pytest.raises(openai.InternalServerError) as caught:
        client.images.generate(prompt="a fox", size="1024x1024", stream=True)
    assert caught.value.code == "model_auth_error"


def test_a_replay_has_the_same_last_events(api: Deployment, backend: GeneratingBackend) -> None:
    with api.client(api.issue_token(), **{"Idempotency-Key": "a-key"}) as client:
        first, second = (client.post("/v1/images/generations", json=BODY) for _ in range(2))
    assert first.text == second.text
    assert [each.headers["Idempotent-Replayed"] for each in (first, second)] == ["false", "true"]
    assert len(backend.requests) == 1


@pytest.mark.parametrize("headers", [{"Accept": "image/png"}, {"Prefer": "respond-async"}])
def test_neither_a_file_nor_a_job_is_streamed(api: Deployment, headers: dict[str, str]) -> None:
    with api.client(api.issue_token(), **headers) as client:
        refused = client.post("/v1/images/generations", json=BODY)
    assert assert_error(refused, 400, "invalid_request").startswith("stream: got 'true'; allowed: false w")


def test_without_the_streaming_layer_the_events_come_together(deploy: Deploy) -> None:
    (event,) = sdk(deploy(without_the_streaming_layer)).images.generate(
        prompt="a fox", size="1024x1024", stream=True
    )
    assert event.type == "image_generation.completed"

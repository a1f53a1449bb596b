"""Every type of generation, from its order to an output that opens, and what it costs."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import av
import httpx
import pytest

from imagineart import bootstrap_environment
from tests.fakes.clock import FakeClock
from tests.fault_backend import Response
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment, open_png
from tests.functions.generating_backend import GeneratingBackend, always
from tests.functions.test_imaginelab_accounts import BASE, assert_detail
from tests.functions.test_imaginelab_erasure import assert_erased
from tests.functions.test_imaginelab_generations import Customer
from tests.functions.test_media_jobs import media_models, stored_job
from tests.media_server import TEXT, MediaServer

GRANTED = 100
COSTS = {"text": 2, "voice": 3, "image": 5, "music": 8, "infographic": 10, "video": 15}
MODELS = {
    "text": "text-to-text", "voice": "text-to-speech", "image": "text-to-image", "music": "text-to-music",
    "infographic": "text-to-image", "video": "text-to-video",
}  # fmt: skip


@dataclass
class Studio:
    """An account on a deployment with models of every type, and the clock of its functions."""

    customer: Customer
    clock: FakeClock

    @property
    def api(self) -> Deployment:
        return self.customer.api

    def order(self, kind: str, **fields: object) -> httpx.Response:
        return self.customer.order(generation_type=kind, model_name=MODELS[kind], **fields)

    def finish(self, generation_id: int) -> dict[str, Any]:
        """The generation, once the messages have come that its worker had sent to be polled later."""
        self.api.work_off()
        for _ in range(3):
            self.poll(generation_id)
        generation: dict[str, Any] = self.customer.get(generation_id).json()
        return generation

    def poll(self, generation_id: int) -> None:
        key = {"consumer_id": f"account-{self.customer.id}"}
        key["job_id"] = stored_job(self.api, f"generation#{generation_id}")["job_id"]["S"]
        self.clock.advance(30)
        record = {"messageId": "m", "receiptHandle": "r", "body": json.dumps(key), "eventSource": "aws:sqs"}
        self.api.gateway.invoke("RunJobFunction", {"Records": [record]})

    def fetch(self, output: dict[str, Any]) -> bytes:
        return self.api.client().get(output["url"]).content


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        yield running


@pytest.fixture
def studio(deploy: Deploy, server: MediaServer, monkeypatch: pytest.MonkeyPatch) -> Studio:
    clock = FakeClock()
    monkeypatch.setattr(bootstrap_environment, "time", SimpleNamespace(time=clock))
    api = deploy()
    current = api.operator.manage_models.current().document
    images = [model.model_dump(mode="json", exclude_none=True) for model in current.image_models]
    api.operator.manage_models.apply(json.dumps({"models": [*images, *media_models(server)]}))
    return Studio(Customer(api, GRANTED), clock)


def seconds_of(kind: str) -> Callable[[bytes], float]:
    def play(content: bytes) -> float:
        with av.open(io.BytesIO(content)) as file:
            assert list(file.decode(**{kind: 0}))
            return (file.duration or 0) / av.time_base

    return play


@pytest.mark.parametrize(
    ("kind", "settings", "opens"),
    [
        ("image", {"aspect_ratio": "16:9"}, lambda content: open_png(content).size == (1408, 792)),
        ("voice", {"voice": "Joanna"}, seconds_of("audio")),
        ("music", {"seconds": 2, "format": "wav"}, lambda content: seconds_of("audio")(content) == 2),
        ("video", {"seconds": 4, "size": "1280x720"}, seconds_of("video")),
        ("infographic", {"aspect_ratio": "2:3"}, lambda content: open_png(content).size == (832, 1248)),
    ],
)
def test_a_file_is_ordered_made_typed_and_paid_for(
    studio: Studio, kind: str, settings: dict[str, object], opens: Callable[[bytes], object]
) -> None:
    ordered = studio.order(kind, settings=settings).json()
    assert (ordered["credit_cost"], ordered["status"], ordered["settings"]) == (
        COSTS[kind], "pending", settings,
    )  # fmt: skip
    assert studio.customer.balance == GRANTED - COSTS[kind]
    done = studio.finish(ordered["id"])
    assert (done["generation_type"], done["status"], done["error_message"]) == (kind, "completed", None)
    (output,) = done["outputs"]
    assert output.keys() == {"id", "type", "url", "created_at"}
    assert output["type"] == ("image" if kind == "infographic" else kind)
    assert opens(studio.fetch(output))
    assert studio.customer.get(f"{ordered['id']}/status").json()["progress"] == 100
    assert studio.customer.balance == GRANTED - COSTS[kind]


def test_a_text_is_in_its_output(studio: Studio, server: MediaServer) -> None:
    settings = {"max_tokens": 50, "temperature": 1, "instructions": "Be brief."}
    done = studio.finish(studio.order("text", settings=settings).json()["id"])
    (output,) = done["outputs"]
    assert output | {"created_at": ""} == {"id": 1, "type": "text", "text": TEXT, "created_at": ""}
    (asked,) = [json.loads(each.body) for each in server.requests]
    assert asked["inferenceConfig"] == {"maxTokens": 50, "temperature": 1.0}
    assert asked["system"] == [{"text": "Be brief."}]
    assert studio.customer.balance == GRANTED - 2


def test_an_infographic_is_drawn_from_a_layout_that_a_text_model_writes_once(
    studio: Studio, server: MediaServer, backend: GeneratingBackend
) -> None:
    backend.reply = always(Response(500))
    failed = studio.finish(studio.order("infographic", prompt="How bees make honey").json()["id"])
    assert (failed["status"], studio.customer.balance) == ("failed", GRANTED)
    backend.reset()
    done = studio.finish(studio.order("infographic", prompt="How bees make honey").json()["id"])
    assert (done["status"], done["prompt"]) == ("completed", "How bees make honey")
    assert [each.json["prompt"] for each in backend.requests] == [TEXT]
    asked = json.loads(server.requests[-1].body)
    assert asked["messages"][0]["content"] == [{"text": "How bees make honey"}]
    assert "infographic" in asked["system"][0]["text"]
    assert len(server.requests) == 2


def test_a_layout_has_at_most_as_many_tokens_as_its_model_writes(studio: Studio, server: MediaServer) -> None:
    document = json.loads(studio.api.operator.manage_models.current().text)
    next(each for each in document["models"] if each["kind"] == "text")["max_tokens"] = 300
    studio.api.operator.manage_models.apply(json.dumps(document))
    assert studio.finish(studio.order("infographic").json()["id"])["status"] == "completed"
    (asked,) = server.requests
    assert json.loads(asked.body)["inferenceConfig"] == {"maxTokens": 300}


@pytest.mark.parametrize(
    ("kind", "fields", "named"),
    [
        (
            "text",
            {"settings": {"max_tokens": 5_000}},
            "settings.max_tokens: got '5000'; allowed for this model",
        ),
        (
            "text",
            {"settings": {"temperature": 3}},
            "settings.temperature: got '3'; allowed: between 0 and 2.",
        ),
        ("voice", {"settings": {"voice": "Bob"}}, "settings.voice: got 'Bob'; allowed: Joanna."),
        ("voice", {"settings": {"seconds": 3}}, "settings: got the unknown field 'seconds'; allowed: voice."),
        ("voice", {"prompt": "x" * 3_001}, "prompt: got 3001 characters; allowed for this model: 1 to 3000"),
        ("music", {"settings": {"seconds": 48}}, "settings.seconds: got '48'; allowed for this model: an"),
        ("music", {"settings": {"format": "ogg"}}, "settings.format: got 'ogg'; allowed: mp3, wav."),
        ("video", {"settings": {"seconds": 9}}, "settings.seconds: got '9'; allowed: 4."),
        ("video", {"settings": {"size": "1x1"}}, "settings.size: got '1x1'; allowed: 1280x720."),
        ("video", {"model_name": "text-to-image"}, "model_name: got 'text-to-image'; allowed for video: te"),
        (
            "infographic",
            {"settings": {"resolution": "9K"}},
            "settings.resolution: got '9K'; allowed: 1K, 2K.",
        ),
    ],
)
def test_settings_are_those_of_the_type_and_its_model(
    studio: Studio, kind: str, fields: dict[str, object], named: str
) -> None:
    response = studio.customer.order(generation_type=kind, **{"model_name": MODELS[kind]} | fields)
    assert (response.status_code, response.json()["detail"].startswith(named)) == (400, True), response.text
    assert studio.customer.balance == GRANTED


def test_a_type_that_no_model_makes_is_refused(deploy: Deploy) -> None:
    customer = Customer(deploy(), GRANTED)
    assert_detail(
        customer.order(generation_type="video", model_name="sora"),
        400,
        "model_name: got 'sora'; allowed for video: none, as no model of this deployment makes it.",
    )


def test_a_video_that_its_backend_gives_up_says_why_and_costs_nothing(
    studio: Studio, server: MediaServer
) -> None:
    server.video_error = {"code": "moderation_blocked", "message": "no"}
    done = studio.finish(studio.order("video").json()["id"])
    assert (done["status"], done["outputs"]) == ("failed", [])
    assert done["error_message"].startswith("prompt: ")
    assert studio.customer.balance == GRANTED


def test_a_video_between_two_polls_is_deleted_at_once_and_costs_nothing(
    studio: Studio, server: MediaServer
) -> None:
    generation_id = studio.order("video").json()["id"]
    studio.api.work_off()
    assert studio.customer.get(f"{generation_id}/status").json()["status"] == "processing"
    assert studio.customer.delete(generation_id).status_code == 200
    assert studio.customer.balance == GRANTED
    polls = len(server.requests)
    studio.clock.advance(30)
    studio.api.work_off()
    assert len(server.requests) == polls
    assert studio.customer.get().json() == {"data": [], "count": 0}


@pytest.mark.parametrize("kind", COSTS)
def test_an_account_is_deleted_with_its_generations_of_each_type(studio: Studio, kind: str) -> None:
    studio.finish(studio.order(kind).json()["id"])
    waiting = studio.order(kind).json()["id"]
    if kind == "video":
        studio.api.work_off()
        assert studio.customer.get(f"{waiting}/status").json()["status"] == "processing"
    assert studio.customer.client.delete(f"{BASE}/auth/me").status_code == 200
    assert_erased(studio.customer)
    assert studio.api.objects("ResultsBucket") == []
    studio.clock.advance(30)
    studio.api.work_off()
    assert_erased(studio.customer)

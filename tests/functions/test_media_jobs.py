"""Jobs of other media than images, from their acceptance to the URL of the file."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import av
import httpx
import pytest

from imagineart import bootstrap_environment
from imagineart.images.sizes import Size
from imagineart.media.model import (
    MediaRequest,
    MusicRequest,
    TextRequest,
    VideoRequest,
    VoiceRequest,
    request_to_fields,
)
from imagineart.models.read_document import PACKAGED_FILE
from tests.fakes.clock import FakeClock
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment, change_job, generate
from tests.media_server import TEXT, MediaServer

REQUESTS: dict[str, MediaRequest] = {
    "text-to-text": TextRequest("Write of a boat.", 64),
    "text-to-speech": VoiceRequest("Hello", "Joanna"),
    "text-to-music": MusicRequest("a waltz", 2.0, 7, "audio/wav"),
    "text-to-video": VideoRequest("a boat", 4, Size(1280, 720), 7),
}
NOVA = ("us.amazon.nova-2-lite-v1:0", "amazon.nova-lite-v1:0")
AT_ONCE = ("text-to-text", "text-to-speech", "text-to-music")


def media_models(server: MediaServer) -> list[dict[str, Any]]:
    """A model of each kind; those of text and voice are on AWS."""
    aws = {"region": "us-west-2", "endpoint": server.origin, "retries": 0}
    omni = {"kind": "vllm-omni", "url": server.base_url, "model": "m", "retries": 0}
    models: dict[str, dict[str, Any]] = {
        "text-to-text": {"backends": [aws | {"kind": "bedrock", "model": each} for each in NOVA]},
        "text-to-speech": {"voices": ["Joanna"], "backends": [aws | {"kind": "polly"}]},
        "text-to-music": {"backends": [omni]},
        "text-to-video": {"seconds": [4], "sizes": ["1280x720"], "backends": [omni]},
    }
    return [
        {"id": name, "name": name, "kind": REQUESTS[name].kind, "typical_seconds": 9, **model}
        for name, model in models.items()
    ]


def with_media_models(server: MediaServer) -> str:
    """The document of the package, with a model of each kind."""
    document = json.loads(PACKAGED_FILE.read_text())
    images = [model for model in document["models"] if model["kind"] == "image"]
    return json.dumps({"models": [*images, *media_models(server)]})


def accept_media(api: Deployment, client: httpx.Client, model: str) -> str:
    """A job as an API of other media accepts it; its id. /v1 has none, so that its job is changed."""
    path: str = generate(client).headers["Location"]
    request = json.dumps(request_to_fields(REQUESTS[model]))
    life = {"N": "3600"}
    change_job(api, path, model={"S": model}, request={"S": request}, result_life=life)
    return path.rpartition("/")[2]


def stored_job(api: Deployment, job_id: str) -> dict[str, Any]:
    items = api.aws("dynamodb").scan(TableName=api.references["JobsTable"])["Items"]
    return next(item for item in items if item["id"]["S"] == job_id)


@dataclass
class Jobs:
    """A deployment with models of media, its clock, and a caller."""

    api: Deployment
    client: httpx.Client
    clock: FakeClock

    def accept(self, model: str) -> str:
        return accept_media(self.api, self.client, model)

    def poll(self, job_id: str) -> None:
        """What the message does that was sent when the job was paused."""
        consumer = stored_job(self.api, job_id)["consumer_id"]["S"]
        body = json.dumps({"consumer_id": consumer, "job_id": job_id})
        self.clock.advance(30)
        record = {"messageId": "m", "receiptHandle": "r", "body": body, "eventSource": "aws:sqs"}
        self.api.gateway.invoke("RunJobFunction", {"Records": [record]})

    def file(self, job_id: str) -> httpx.Response:
        """The finished file, by its URL."""
        job = stored_job(self.api, job_id)
        assert job["state"]["S"] == "completed", job
        with self.api.client() as anonymous:
            return anonymous.get(f"/results/{json.loads(job['media']['S'])['result']}")


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        yield running


@pytest.fixture
def jobs(deploy: Deploy, server: MediaServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    clock = FakeClock()
    monkeypatch.setattr(bootstrap_environment, "time", SimpleNamespace(time=clock))
    api = deploy()
    api.operator.manage_models.apply(with_media_models(server))
    with api.client(api.issue_token(), Prefer="respond-async") as client:
        yield Jobs(api, client, clock)


def test_a_text_is_kept_and_served_as_text(jobs: Jobs) -> None:
    job_id = jobs.accept("text-to-text")
    jobs.api.work_off()
    file = jobs.file(job_id)
    assert (file.text, file.headers["Content-Type"]) == (TEXT, "text/plain; charset=utf-8")
    assert json.loads(stored_job(jobs.api, job_id)["media"]["S"])["text"] == TEXT


@pytest.mark.parametrize(
    ("model", "media_type"), [("text-to-speech", "audio/mpeg"), ("text-to-music", "audio/wav")]
)
def test_speech_and_music_are_kept_and_served_as_files_that_play(
    jobs: Jobs, model: str, media_type: str
) -> None:
    job_id = jobs.accept(model)
    jobs.api.work_off()
    file = jobs.file(job_id)
    assert file.headers["Content-Type"] == media_type
    with av.open(io.BytesIO(file.content)) as audio:
        assert list(audio.decode(audio=0))


def test_a_video_is_polled_by_later_messages_and_ordered_once(jobs: Jobs, server: MediaServer) -> None:
    job_id = jobs.accept("text-to-video")
    jobs.api.work_off()
    for _ in range(3):
        assert stored_job(jobs.api, job_id)["state"]["S"] == "processing"
        jobs.poll(job_id)
    file = jobs.file(job_id)
    assert file.headers["Content-Type"] == "video/mp4"
    with av.open(io.BytesIO(file.content)) as video:
        assert list(video.decode(video=0))
    assert len(server.videos) == 1
    assert "ordered" not in stored_job(jobs.api, job_id)


def test_a_video_that_the_backend_refuses_fails_with_its_reason_and_keeps_nothing(
    jobs: Jobs, server: MediaServer
) -> None:
    server.video_error = {"code": "moderation_blocked", "message": "no"}
    job_id = jobs.accept("text-to-video")
    jobs.api.work_off()
    for _ in range(3):
        jobs.poll(job_id)
    job = stored_job(jobs.api, job_id)
    assert job["state"]["S"] == "failed"
    assert json.loads(job["error"]["S"])["field"] == "prompt"
    assert not jobs.api.objects("ResultsBucket")


def test_the_apis_of_images_offer_models_of_images_alone(jobs: Jobs) -> None:
    listed = jobs.client.get("/v1/models").json()["data"]
    assert [each["id"] for each in listed] == ["text-to-image", "image-edit"]
    refused = generate(jobs.client, model="text-to-text")
    assert (refused.status_code, "text-to-text" in refused.json()["error"]["message"]) == (400, True)
    key = {"X-API-Key": jobs.client.headers["Authorization"].removeprefix("Bearer ")}
    models = jobs.client.get("/imagineo/v1/models", headers=key).json()["models"]
    assert "text-to-text" not in json.dumps(models)
    search = {"taskType": "modelSearch", "taskUUID": "7fb4e7f8-7d10-4a53-8a55-3e9f2f8f2a11"}
    found = jobs.client.post("/runware/v1", json=[search]).json()["data"][0]
    assert found["totalResults"] == 1, found

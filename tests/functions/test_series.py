"""Several images of one request: generated at the same time, all or none."""

import base64
import threading

import httpx

from tests.fault_backend import RecordedRequest, Response, refusal
from tests.functions.deployment import Deployment, assert_error, generate_series, open_png
from tests.functions.generating_backend import GeneratingBackend, colour_of, generated


def test_four_images_are_generated_at_the_same_time(client: httpx.Client, backend: GeneratingBackend) -> None:
    all_at_work = threading.Barrier(4, timeout=60)

    def generate_when_all_have_arrived(request: RecordedRequest) -> Response:
        all_at_work.wait()
        return generated(request)

    backend.reply = generate_when_all_have_arrived
    response = generate_series(client, 4, seed=41)
    assert response.status_code == 200, response.text
    assert [each["seed"] for each in response.json()["data"]] == [41, 42, 43, 44]
    assert sorted(request.json["seed"] for request in backend.requests) == [41, 42, 43, 44]
    images = [open_png(base64.b64decode(each["b64_json"])) for each in response.json()["data"]]
    assert [image.getpixel((0, 0)) for image in images] == [colour_of("a lighthouse")] * 4


def test_if_one_image_fails_there_is_none_and_none_is_counted(
    api: Deployment, backend: GeneratingBackend
) -> None:
    backend.reply = lambda request: refusal(500) if request.json["seed"] == 2 else generated(request)
    consumer_id = api.new_consumer_id()
    client = api.client(api.issue_token(consumer_id, images_per_day=3))
    assert_error(generate_series(client, 3, seed=1), 502, "model_error")
    assert [(row.outcome, row.images) for row in api.usage(consumer_id)] == [("model_error", 0)]
    backend.reply = generated
    assert len(generate_series(client, 3, seed=1).json()["data"]) == 3
    refused = generate_series(client, 3, seed=1)
    assert "3 images a day" in assert_error(refused, 429, "rate_limited")

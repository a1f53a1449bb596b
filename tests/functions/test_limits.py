"""Minutes, slots, days, scopes and models: what bounds a consumer, and what is counted of it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from imagineart.access.consumers import TIERS
from imagineart.access.tokens import Scope
from tests.fault_backend import RecordedRequest, Response, refusal
from tests.functions.deployment import Deployment, assert_error, edit, generate, generate_series
from tests.functions.generating_backend import GeneratingBackend, always, generated, image_file

LIMIT_HEADERS = ("X-RateLimit-Resource", "X-RateLimit-Limit", "X-RateLimit-Remaining")


def limit_of(response: httpx.Response) -> tuple[str, ...]:
    return tuple(response.headers[name] for name in LIMIT_HEADERS)


# Minutes


def within_one_minute(conversation: Callable[[], list[httpx.Response]]) -> list[httpx.Response]:
    """The responses of a conversation of new consumers, which is repeated if a minute ended amid it."""
    for _ in range(2):
        responses = conversation()
        if len({response.headers["X-RateLimit-Reset"] for response in responses}) == 1:
            return responses
    raise AssertionError("two conversations were both cut by the end of a minute")


def limit_and_rest(responses: list[httpx.Response]) -> list[tuple[int, int]]:
    """The limit and what is left of it, as each response says."""
    names = ("X-RateLimit-Limit", "X-RateLimit-Remaining")
    return [(int(each.headers[names[0]]), int(each.headers[names[1]])) for each in responses]


def test_the_eleventh_request_of_a_free_consumer_is_refused(api: Deployment) -> None:
    def eleven_requests() -> list[httpx.Response]:
        client = api.client(api.issue_token(requests_per_minute=TIERS["free"].requests_per_minute))
        return [client.get("/v1/models") for _ in range(11)]

    responses = within_one_minute(eleven_requests)
    assert [response.status_code for response in responses] == [200] * 10 + [429]
    assert limit_and_rest(responses) == [(10, left) for left in [*range(9, -1, -1), 0]]
    assert "10 requests a minute" in assert_error(responses[-1], 429, "rate_limited")
    assert 1 <= int(responses[-1].headers["Retry-After"]) <= 60
    assert int(responses[-1].headers["X-RateLimit-Reset"]) % 60 == 0


def test_every_authenticated_request_counts_and_gets_the_limit_also_with_an_error(
    api: Deployment, backend: GeneratingBackend
) -> None:
    def everything_that_can_happen() -> list[httpx.Response]:
        backend.reply = always(refusal(500))
        client = api.client(api.issue_token(requests_per_minute=5))
        responses = [generate(client), generate(client, seed="x"), edit(client, b"no image")]
        backend.requests.clear()
        return [*responses, client.get("/v1/models"), client.post("/v1/uploads"), generate(client)]

    responses = within_one_minute(everything_that_can_happen)
    assert [response.status_code for response in responses] == [502, 400, 400, 200, 400, 429]
    assert limit_and_rest(responses) == [(5, left) for left in (4, 3, 2, 1, 0, 0)]
    assert backend.requests == [], "of the refused request"


def test_the_tokens_of_a_consumer_share_its_minute_and_no_other_consumer_does(api: Deployment) -> None:
    def three_requests() -> list[httpx.Response]:
        consumer_id = api.new_consumer_id()
        consumer_ids = (consumer_id, consumer_id, api.new_consumer_id())
        tokens = [api.issue_token(each, requests_per_minute=30) for each in consumer_ids]
        return [api.client(token).get("/v1/models") for token in tokens]

    assert limit_and_rest(within_one_minute(three_requests)) == [(30, 29), (30, 28), (30, 29)]


def test_a_caller_without_a_token_gets_no_limit(api: Deployment) -> None:
    responses = [api.client().get(path) for path in ("/v1/models", "/health", "/nowhere")]
    names = {name.lower() for response in responses for name in response.headers}
    assert not [name for name in names if name.startswith("x-ratelimit")]


# Slots


def test_more_requests_at_a_time_than_a_consumer_may_have_are_refused(
    api: Deployment, backend: GeneratingBackend
) -> None:
    arrived, may_finish = threading.Semaphore(0), threading.Event()

    def generate_when_released(request: RecordedRequest) -> Response:
        arrived.release()
        assert may_finish.wait(60)
        return generated(request)

    backend.reply = generate_when_released
    client = api.client(api.issue_token(concurrent_requests=2))
    with ThreadPoolExecutor(2) as callers:
        in_progress = [callers.submit(generate, client) for _ in range(2)]
        for _ in in_progress:
            assert arrived.acquire(timeout=60)
        refused = generate(client)
        listed = client.get("/v1/models")
        may_finish.set()
        assert [each.result(60).status_code for each in in_progress] == [200, 200]
    assert "2 image requests at a time" in assert_error(refused, 429, "rate_limited")
    assert limit_of(refused) == ("concurrent_requests", "2", "0")
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["X-Should-Retry"] == "true"
    assert listed.status_code == 200
    assert len(backend.requests) == 2


def test_a_slot_is_free_at_once_however_its_request_ended(
    api: Deployment, backend: GeneratingBackend
) -> None:
    client = api.client(api.issue_token(concurrent_requests=1))
    backend.reply = always(refusal(500))
    assert generate(client).status_code == 502
    backend.reply = generated
    responses = [
        generate(client),
        edit(client, image_file((64, 64))),
        generate(client, seed="x"),
        generate(client),
    ]
    assert [response.status_code for response in responses] == [200, 200, 400, 200]


# Days


def test_the_day_counts_the_images_that_were_made(api: Deployment, backend: GeneratingBackend) -> None:
    client = api.client(api.issue_token(images_per_day=3))
    backend.reply = always(refusal(500))
    statuses = [generate(client).status_code for _ in range(4)]
    backend.reply = generated
    statuses += [generate(client, seed="x").status_code, generate_series(client, 2).status_code]
    statuses += [generate(client).status_code]
    assert statuses == [502, 502, 502, 502, 400, 200, 200]
    refused = generate(client)
    assert "3 images a day" in assert_error(refused, 429, "rate_limited")
    assert limit_of(refused) == ("images_per_day", "3", "0")
    assert int(refused.headers["X-RateLimit-Reset"]) % 86_400 == 0
    wait_seconds = int(refused.headers["Retry-After"])
    assert 1 <= wait_seconds <= 86_400
    assert refused.headers["X-Should-Retry"] == str(wait_seconds <= 60).lower()
    assert client.get("/v1/models").status_code == 200


def test_a_replayed_image_needs_no_room_in_the_day(api: Deployment) -> None:
    token = api.issue_token(images_per_day=1)
    client = api.client(token, **{"Idempotency-Key": "one"})
    assert [generate(client).status_code for _ in range(3)] == [200] * 3
    another = api.client(token, **{"Idempotency-Key": "two"})
    assert "1 images a day" in assert_error(generate(another), 429, "rate_limited")


# Scopes and models


@pytest.mark.parametrize("scope", list(Scope))
def test_a_token_is_good_for_its_scopes_alone(api: Deployment, scope: Scope) -> None:
    consumer_id = api.new_consumer_id()
    client = api.client(api.issue_token(consumer_id, scopes=frozenset({scope})))
    responses = {
        Scope.GENERATE_IMAGES: generate(client),
        Scope.EDIT_IMAGES: edit(client, image_file((64, 64))),
        Scope.READ_MODELS: client.get("/v1/models"),
        Scope.WRITE_UPLOADS: client.post("/v1/uploads", json={"content_type": "image/png", "size": 5}),
    }
    assert responses.pop(scope).status_code == 200
    for needed, response in responses.items():
        message = assert_error(response, 401, "invalid_token")
        assert f"needs the scope '{needed}'" in message
        assert f"it has {scope}" in message
    rows = api.usage(consumer_id)
    assert sorted((row.outcome, row.requests) for row in rows) == [("invalid_token", 1)] * 3 + [("ok", 1)]


def test_a_model_that_is_not_allowed_is_neither_listed_nor_usable(
    api: Deployment, backend: GeneratingBackend
) -> None:
    client = api.client(api.issue_token(models=frozenset({"image-edit"})))
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["image-edit"]
    message = assert_error(generate(client), 400, "invalid_request")
    assert message == (
        "model: 'text-to-image', which serves /v1/images/generations, is not available to you; allowed: "
        "image-edit. Contact the operator."
    )
    assert backend.requests == []
    assert edit(client, image_file((64, 64))).status_code == 200


# Usage


def test_every_request_is_counted_with_its_model_resolution_and_outcome(
    api: Deployment, backend: GeneratingBackend
) -> None:
    consumer_id = api.new_consumer_id()
    client = api.client(api.issue_token(consumer_id))
    generate(client)
    generate_series(client, 3, resolution="2K")
    edit(client, image_file((64, 64)))
    edit(client, b"no image")
    client.get("/v1/models")
    client.post("/v1/uploads", json={"content_type": "image/png", "size": 5})
    backend.reply = always(refusal(500))
    generate(client)
    rows = api.usage(consumer_id)
    assert {(row.operation, row.resolution, row.outcome): (row.requests, row.images) for row in rows} == {
        ("text-to-image", "1K", "ok"): (1, 1),
        ("text-to-image", "2K", "ok"): (1, 3),
        ("text-to-image", "1K", "model_error"): (1, 0),
        ("image-edit", "1K", "ok"): (1, 1),
        ("image-edit", "1K", "invalid_image"): (1, 0),
        ("models", "-", "ok"): (1, 0),
        ("uploads", "-", "ok"): (1, 0),
    }

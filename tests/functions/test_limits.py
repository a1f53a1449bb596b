"""Slots, days, scopes and models: what bounds a consumer beside its minute."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from imagineart.access.tokens import Scope
from tests.fault_backend import RecordedRequest, Response, refusal
from tests.functions.deployment import Deployment, assert_error, edit, generate
from tests.functions.generating_backend import GeneratingBackend, generated, image_file

LIMIT_HEADERS = ("X-RateLimit-Resource", "X-RateLimit-Limit", "X-RateLimit-Remaining")


def reported(response: httpx.Response) -> tuple[str, ...]:
    return tuple(response.headers[name] for name in LIMIT_HEADERS)


# Slots


def test_more_requests_at_a_time_than_a_consumer_may_have_are_told_which_limit_it_was(
    api: Deployment, backend: GeneratingBackend
) -> None:
    arrived, may_finish = threading.Semaphore(0), threading.Event()

    def generate_when_released(request: RecordedRequest) -> Response:
        arrived.release()
        may_finish.wait(30)
        return generated(request)

    backend.reply = generate_when_released
    client = api.client(api.issue_token(concurrent_requests=2))
    with ThreadPoolExecutor(2) as callers:
        under_way = [callers.submit(generate, client) for _ in range(2)]
        for _ in under_way:
            assert arrived.acquire(timeout=30)
        refused = generate(client)
        listed = client.get("/v1/models")
        may_finish.set()
        assert [each.result(60).status_code for each in under_way] == [200, 200]
    message = assert_error(refused, 429, "rate_limited")
    assert "2 image requests at a time" in message
    assert reported(refused) == ("concurrent_requests", "2", "0")
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["X-Should-Retry"] == "true"
    assert listed.status_code == 200
    assert len(backend.requests) == 2


def test_one_request_after_another_needs_one_slot_alone(api: Deployment, backend: GeneratingBackend) -> None:
    client = api.client(api.issue_token(concurrent_requests=1))
    backend.reply = lambda _: refusal(500)
    assert generate(client).status_code == 502
    backend.reply = generated
    responses = [generate(client), edit(client, image_file((64, 64))), generate(client, seed="x")]
    responses += [generate(client) for _ in range(5)]
    assert [response.status_code for response in responses] == [200, 200, 400, 200, 200, 200, 200, 200]


def test_never_more_requests_are_under_way_than_a_consumer_may_have(
    api: Deployment, backend: GeneratingBackend
) -> None:
    lock, present, most = threading.Lock(), [0], [0]

    def generate_and_count(request: RecordedRequest) -> Response:
        with lock:
            present[0] += 1
            most[0] = max(most[0], present[0])
        try:
            return generated(request)
        finally:
            with lock:
                present[0] -= 1

    backend.reply = generate_and_count
    client = api.client(api.issue_token(concurrent_requests=3))
    with ThreadPoolExecutor(16) as callers:
        responses = list(callers.map(lambda _: generate(client), range(64)))
    assert {response.status_code for response in responses} <= {200, 429}
    assert 1 <= most[0] <= 3
    assert "slots" not in consumer_item(api)


def consumer_item(api: Deployment, consumer_id: str = "acme") -> dict[str, dict[str, str]]:
    table = api.references["ConsumersTable"]
    item: dict[str, dict[str, str]] = api.aws("dynamodb").get_item(
        TableName=table, Key={"key": {"S": consumer_id}}
    )["Item"]
    return item


def test_a_client_that_hangs_up_gives_its_slot_back(api: Deployment) -> None:
    client = api.client(api.issue_token(concurrent_requests=1))
    form = {"prompt": (None, "x"), "resolution": (None, "1K")}
    with client.stream("POST", "/v1/images/generations", files=form) as response:
        assert response.status_code == 200
    assert generate(client).status_code == 200


def test_slots_of_requests_that_crashed_are_free_when_their_leases_are_over(api: Deployment) -> None:
    client = api.client(api.issue_token(concurrent_requests=2))
    api.aws("dynamodb").update_item(
        TableName=api.references["ConsumersTable"],
        Key={"key": {"S": "acme"}},
        UpdateExpression="ADD slots :slots",
        ExpressionAttributeValues={":slots": {"SS": ["1.crashed", "2.crashed"]}},
    )
    assert generate(client).status_code == 200
    assert "slots" not in consumer_item(api)


# Days


def test_the_day_counts_the_images_that_were_made_and_names_itself_when_it_is_used_up(
    api: Deployment, backend: GeneratingBackend
) -> None:
    client = api.client(api.issue_token(images_per_day=3))
    backend.reply = lambda _: refusal(500)
    statuses = [generate(client).status_code for _ in range(4)]
    backend.reply = generated
    statuses += [generate(client, seed="x").status_code]
    order = {"prompt": "a fox", "n": 2, "resolution": "1K"}
    statuses += [client.post("/v1/images/generations", json=order).status_code]
    statuses += [generate(client).status_code]
    assert statuses == [502, 502, 502, 502, 400, 200, 200]
    refused = generate(client)
    assert "3 images a day" in assert_error(refused, 429, "rate_limited")
    assert reported(refused) == ("images_per_day", "3", "0")
    assert int(refused.headers["X-RateLimit-Reset"]) % 86_400 == 0
    wait_seconds = int(refused.headers["Retry-After"])
    assert 1 <= wait_seconds <= 86_400
    assert refused.headers["X-Should-Retry"] == str(wait_seconds <= 60).lower()
    assert client.get("/v1/models").status_code == 200


def test_a_replayed_image_needs_no_room_in_the_day(api: Deployment) -> None:
    client = api.client(api.issue_token(images_per_day=1))
    client.headers["Idempotency-Key"] = "one"
    assert [generate(client).status_code for _ in range(5)] == [200] * 5
    client.headers["Idempotency-Key"] = "two"
    assert "1 images a day" in assert_error(generate(client), 429, "rate_limited")


def test_the_image_of_a_failure_is_there_for_the_next_request_at_once(
    api: Deployment, backend: GeneratingBackend
) -> None:
    client = api.client(api.issue_token(images_per_day=1))
    backend.reply = lambda _: refusal(500)
    assert [generate(client).status_code for _ in range(4)] == [502] * 4
    backend.reply = generated
    assert generate(client).status_code == 200


# Scopes and models


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (Scope.GENERATE_IMAGES, "/v1/images/generations"),
        (Scope.EDIT_IMAGES, "/v1/images/edits"),
        (Scope.READ_MODELS, "/v1/models"),
        (Scope.WRITE_UPLOADS, "/v1/uploads"),
    ],
)
def test_a_token_is_good_for_its_scopes_alone(api: Deployment, scope: Scope, allowed: str) -> None:
    client = api.client(api.issue_token(scopes=frozenset({scope})))
    responses = {
        "/v1/images/generations": generate(client),
        "/v1/images/edits": edit(client, image_file((64, 64))),
        "/v1/models": client.get("/v1/models"),
        "/v1/uploads": client.post("/v1/uploads", json={"content_type": "image/png", "size": 5}),
    }
    assert responses.pop(allowed).status_code == 200
    for path, response in responses.items():
        message = assert_error(response, 401, "invalid_token")
        assert "needs the scope" in message, path
        assert f"it has {scope}" in message
    rows = api.operator.usage.rows("acme", first_day="2000-01-01", last_day="2999-12-31")
    assert sorted((row.outcome, row.requests) for row in rows) == [("invalid_token", 1)] * 3 + [("ok", 1)]


def test_a_model_that_a_consumer_was_not_allowed_is_neither_listed_nor_usable(
    api: Deployment, backend: GeneratingBackend
) -> None:
    client = api.client(api.issue_token(models=frozenset({"image-edit"})))
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["image-edit"]
    message = assert_error(generate(client), 400, "invalid_request")
    assert message.startswith("model: 'text-to-image'")
    assert "allowed: image-edit" in message
    assert backend.requests == []
    assert edit(client, image_file((64, 64))).status_code == 200


# The account


def test_every_request_is_in_the_account_with_its_model_resolution_and_outcome(
    api: Deployment, backend: GeneratingBackend
) -> None:
    client = api.client(api.issue_token())
    generate(client)
    generate(client, resolution="2K")
    edit(client, image_file((64, 64)))
    edit(client, b"no image")
    client.get("/v1/models")
    client.post("/v1/uploads", json={"content_type": "image/png", "size": 5})
    backend.reply = lambda _: refusal(500)
    generate(client)
    rows = api.operator.usage.rows("acme", first_day="2000-01-01", last_day="2999-12-31")
    counted = {(row.operation, row.resolution, row.outcome): (row.requests, row.images) for row in rows}
    assert counted == {
        ("text-to-image", "1K", "ok"): (1, 1),
        ("text-to-image", "2K", "ok"): (1, 1),
        ("text-to-image", "1K", "model_error"): (1, 0),
        ("image-edit", "1K", "ok"): (1, 1),
        ("image-edit", "1K", "invalid_image"): (1, 0),
        ("models", "-", "ok"): (1, 0),
        ("uploads", "-", "ok"): (1, 0),
    }


def test_the_day_of_a_tokens_last_use_is_noted(api: Deployment) -> None:
    token = api.issue_token()
    (before,) = api.operator.manage_tokens.list()
    api.client(token).get("/v1/models")
    (after,) = api.operator.manage_tokens.list()
    assert before.last_used_on is None
    assert after.last_used_on is not None


def test_what_cannot_be_counted_is_answered_all_the_same(api: Deployment) -> None:
    client = api.client(api.issue_token())
    api.aws("dynamodb").delete_table(TableName=api.references["UsageTable"])
    assert generate(client).status_code == 200
    assert client.get("/v1/models").status_code == 200


# Abuse


def test_a_flood_of_wrong_tokens_for_one_id_is_slowed_and_its_holder_is_not(api: Deployment) -> None:
    token, stranger = api.issue_token(), api.issue_token("other")
    forged = type(token)(token.id, stranger.secret)
    client = api.client(forged)
    statuses = [client.get("/v1/models").status_code for _ in range(8)]
    assert statuses == [401] * 5 + [429] * 3
    slowed = client.get("/v1/models")
    assert "valid one" in assert_error(slowed, 429, "rate_limited")
    assert slowed.headers["X-Should-Retry"] == "false"
    assert 1 <= int(slowed.headers["Retry-After"]) <= 30
    assert api.client(token).get("/v1/models").status_code == 200

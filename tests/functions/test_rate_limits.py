"""The fixed window of one minute: counted on every authenticated request, reported on every response."""

from collections.abc import Callable

import httpx

from imagineart.access.consumers import TIERS
from imagineart.access.tokens import TokenKind
from tests.fault_backend import refusal
from tests.functions.deployment import Deployment, assert_error, edit, generate
from tests.functions.generating_backend import GeneratingBackend

Conversation = Callable[[str], list[httpx.Response]]


def held_within_one_minute(conversation: Conversation) -> list[httpx.Response]:
    """The responses of a conversation of a fresh consumer; it is held again where a minute ended amid it."""
    for consumer_id in ("first", "second"):
        responses = conversation(consumer_id)
        if len({response.headers["X-RateLimit-Reset"] for response in responses}) == 1:
            return responses
    raise AssertionError("two conversations were both cut by the end of a minute")


def used_and_left(responses: list[httpx.Response]) -> list[tuple[str, str]]:
    names = ("X-RateLimit-Limit", "X-RateLimit-Remaining")
    return [(response.headers[names[0]], response.headers[names[1]]) for response in responses]


def test_the_eleventh_request_of_a_free_consumer_is_refused(api: Deployment) -> None:
    def eleven_requests(consumer_id: str) -> list[httpx.Response]:
        limit = TIERS["free"].requests_per_minute
        client = api.client(api.issue_token(consumer_id, requests_per_minute=limit))
        return [client.get("/v1/models") for _ in range(11)]

    responses = held_within_one_minute(eleven_requests)
    assert [response.status_code for response in responses] == [200] * 10 + [429]
    assert used_and_left(responses) == [("10", str(left)) for left in [*range(9, -1, -1), 0]]
    message = assert_error(responses[-1], 429, "rate_limited")
    assert "10 requests a minute" in message
    assert 1 <= int(responses[-1].headers["Retry-After"]) <= 60
    assert int(responses[-1].headers["X-RateLimit-Reset"]) % 60 == 0


def test_a_request_over_the_limit_never_reaches_the_backend(
    api: Deployment, backend: GeneratingBackend
) -> None:
    def one_too_many(consumer_id: str) -> list[httpx.Response]:
        backend.requests.clear()
        client = api.client(api.issue_token(consumer_id, requests_per_minute=1))
        return [generate(client), generate(client)]

    responses = held_within_one_minute(one_too_many)
    assert [response.status_code for response in responses] == [200, 429]
    assert len(backend.requests) == 1


def test_every_authenticated_response_tells_the_limit_errors_too(
    api: Deployment, backend: GeneratingBackend
) -> None:
    def everything_that_can_happen(consumer_id: str) -> list[httpx.Response]:
        client = api.client(api.issue_token(consumer_id, requests_per_minute=500))
        backend.reply = lambda _: refusal(500)
        responses = [generate(client), generate(client, seed="x"), edit(client, b"no image")]
        return [*responses, client.get("/v1/models"), client.post("/v1/images/edits")]

    responses = held_within_one_minute(everything_that_can_happen)
    assert [response.status_code for response in responses] == [502, 400, 400, 200, 400]
    assert used_and_left(responses) == [("500", str(left)) for left in (499, 498, 497, 496, 495)]


def test_all_tokens_of_a_consumer_share_its_window(api: Deployment) -> None:
    def two_requests(consumer_id: str) -> list[httpx.Response]:
        tokens = [api.issue_token(consumer_id, kind=kind, requests_per_minute=30) for kind in TokenKind]
        return [api.client(token).get("/v1/models") for token in tokens]

    assert used_and_left(held_within_one_minute(two_requests)) == [("30", "29"), ("30", "28")]


def test_consumers_do_not_use_up_each_others_limit(api: Deployment) -> None:
    def two_requests(consumer_id: str) -> list[httpx.Response]:
        consumers = [consumer_id, f"{consumer_id}-neighbour"]
        tokens = [api.issue_token(each, requests_per_minute=1) for each in consumers]
        return [api.client(token).get("/v1/models") for token in tokens]

    assert [response.status_code for response in held_within_one_minute(two_requests)] == [200, 200]


def test_strangers_learn_no_limit(api: Deployment) -> None:
    responses = [api.client().get("/v1/models"), api.client().get("/health"), api.client().get("/nowhere")]
    reported = {name.lower() for response in responses for name in response.headers}
    assert not [name for name in reported if name.startswith("x-ratelimit")]


def test_a_full_backend_hands_its_retry_after_on(api: Deployment, backend: GeneratingBackend) -> None:
    backend.reply = lambda _: refusal(429, "busy", headers={"Retry-After": "17"})
    response = generate(api.client(api.issue_token()))
    assert "backend" in assert_error(response, 429, "rate_limited")
    assert response.headers["Retry-After"] == "17"

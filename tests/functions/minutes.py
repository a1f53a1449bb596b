"""Conversations that a test needs within one minute of the rate limit."""

from collections.abc import Callable

import httpx

Conversation = Callable[[], list[httpx.Response]]


def within_one_minute(conversation: Conversation) -> list[httpx.Response]:
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

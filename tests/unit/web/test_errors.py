"""Every failure leaves the system in one envelope, under the reference's status."""

import json
from collections.abc import Iterator

import pytest

from imagineart.domain import errors
from imagineart.domain.errors import ImagineArtError
from imagineart.domain.limit_status import LimitName, LimitStatus
from imagineart.web.errors import STATUS_BY_CODE, error_response

REFERENCE_TABLE = {
    400: {"invalid_request", "invalid_image"},
    401: {"missing_bearer_token", "invalid_token"},
    404: {"unknown_request"},
    429: {"rate_limited"},
    500: {"internal_error"},
    502: {"model_not_available", "model_error", "model_auth_error"},
    503: {"no_tokens_configured"},
    504: {"timeout"},
}

EVERY_ERROR = [
    errors.InvalidRequestError("seed", "got 'x'; allowed is an integer."),
    errors.InvalidImageError("images[0]", "the PNG is truncated."),
    errors.MissingBearerTokenError(),
    errors.InvalidTokenError(detail="unknown token id p123"),
    errors.MissingScopeError(needed="images:edit", held=["models:read"]),
    errors.UnknownRequestError("No endpoint answers this path and method."),
    errors.RateLimitedError("Over the limit.", retry_after_seconds=17),
    errors.LimitReachedError(LimitStatus(LimitName.IMAGES_PER_DAY, 5, 0, 117), now=100),
    errors.WrongTokensError(retry_after_seconds=17, detail="a secret place"),
    errors.InternalError(detail="a secret place"),
    errors.ModelNotAvailableError(detail="a secret place"),
    errors.ModelError(detail="a secret place"),
    errors.ModelUnavailableError(detail="a secret place"),
    errors.OrderRefusedError(detail="a secret place"),
    errors.ModelAuthError(detail="a secret place"),
    errors.NoTokensConfiguredError(),
    errors.ModelTimeoutError(deadline_seconds=57),
    errors.AnswerPendingError(),
]


def coded(error_class: type[ImagineArtError] = ImagineArtError) -> Iterator[type[ImagineArtError]]:
    """Every class of the tree that has a public code."""
    if hasattr(error_class, "code"):
        yield error_class
    for child in error_class.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from coded(child)


def test_the_table_is_the_references() -> None:
    assert dict(STATUS_BY_CODE) == {
        code: status for status, codes in REFERENCE_TABLE.items() for code in codes
    }


def test_every_code_of_the_tree_has_a_status_and_every_status_a_code() -> None:
    assert {each.code for each in coded()} == set(STATUS_BY_CODE)


def test_this_module_tries_every_error() -> None:
    assert {type(error) for error in EVERY_ERROR} == set(coded())


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: error.code)
def test_every_failure_is_answered_in_the_envelope(error: ImagineArtError) -> None:
    response = error_response(error, "req-1")
    assert error.code in REFERENCE_TABLE[response.status_code]
    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.body) == {
        "error": {"code": error.code, "message": error.message, "request_id": "req-1"}
    }


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: error.code)
def test_the_detail_for_the_log_does_not_leave_the_system(error: ImagineArtError) -> None:
    response = error_response(error, "req-1")
    assert not error.detail or error.detail not in response.body.decode() + str(response.headers)


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: error.code)
def test_only_a_limit_says_when_to_retry(error: ImagineArtError) -> None:
    expected = "17" if isinstance(error, errors.RateLimitedError) else None
    assert error_response(error, "req-1").headers.get("retry-after") == expected


RETRYABLE = {"rate_limited", "internal_error", "model_error", "timeout"}


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: error.code)
def test_every_failure_says_whether_to_retry_as_the_readme_does(error: ImagineArtError) -> None:
    told = error_response(error, "req-1").headers["x-should-retry"]
    # Refusals that stay so, under codes that else may pass by themselves.
    refused = isinstance(error, errors.OrderRefusedError | errors.WrongTokensError)
    assert told == ("true" if error.code in RETRYABLE and not refused else "false")


def test_a_message_may_quote_any_text() -> None:
    error = errors.InvalidRequestError("prompt", "got '\"</script>\n\u2028字\U0001f98a'")
    assert json.loads(error_response(error, "req-1").body)["error"]["message"] == error.message

"""The tree of failures is what it says it is, and matches the ImagineArt 2.0 API reference's table."""

import re
from collections.abc import Iterator

import pytest

from imagineart.domain import errors
from imagineart.domain.errors import ImagineArtError, InvalidImageError, InvalidRequestError

BRANCH = re.compile(r"(?P<indent>(?:│ {3}| {4})*)[├└]── (?P<name>\w+)(?: +(?P<code>\w+))?")


def documented_tree() -> Iterator[tuple[str, str, str | None]]:
    """(parent, class, code) of every branch drawn in the module's docstring."""
    ancestors = ["ImagineArtError"]
    for line in errors.__doc__.splitlines():
        if match := BRANCH.match(line.removeprefix("    ")):
            depth = len(match["indent"]) // 4 + 1
            ancestors[depth:] = [match["name"]]
            yield ancestors[depth - 1], match["name"], match["code"]


def coded_tree(parent: type[ImagineArtError] = ImagineArtError) -> Iterator[tuple[str, str, str | None]]:
    """(parent, class, code) of every class of the module."""
    for child in parent.__subclasses__():
        if child.__module__ == errors.__name__:
            yield parent.__name__, child.__name__, child.__dict__.get("code")
            yield from coded_tree(child)


def classes(parent: type[ImagineArtError] = ImagineArtError) -> Iterator[type[ImagineArtError]]:
    """Every class of the module below the root."""
    for child in parent.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from classes(child)


def test_the_tree_in_the_docstring_is_the_tree_in_code() -> None:
    assert sorted(documented_tree()) == sorted(coded_tree())


def test_every_public_code_has_a_class() -> None:
    codes = {code for _, _, code in coded_tree()}
    assert sorted(codes) == sorted(
        ["invalid_request", "invalid_image", "missing_bearer_token", "invalid_token", "unknown_request",
         "rate_limited", "internal_error", "model_not_available", "model_error", "model_auth_error",
         "no_tokens_configured", "timeout"]
    )  # fmt: skip


@pytest.mark.parametrize("error_class", [InvalidRequestError, InvalidImageError])
def test_a_refusal_names_its_field_first(error_class: type[InvalidRequestError | InvalidImageError]) -> None:
    error = error_class("images[2]", "the PNG is truncated.")
    assert (error.field, error.message) == ("images[2]", "images[2]: the PNG is truncated.")


@pytest.mark.parametrize(
    "error_class", [errors.InternalError, errors.ModelError, errors.ModelAuthError, errors.InvalidTokenError]
)
def test_the_detail_for_the_operator_is_not_in_the_message_for_the_caller(
    error_class: type[ImagineArtError],
) -> None:
    error = error_class(detail="table imagineart-tokens, host 10.0.0.7")
    assert error.detail == "table imagineart-tokens, host 10.0.0.7"
    assert "10.0.0.7" not in f"{error.message}{error}"


@pytest.mark.parametrize(("seconds", "shown"), [(0.2, "0"), (57.4, "57"), (840.0, "840")])
def test_a_timeout_names_its_deadline(seconds: float, shown: str) -> None:
    assert f"within {shown} seconds" in errors.ModelTimeoutError(deadline_seconds=seconds).message


def test_only_what_may_pass_by_itself_is_worth_another_try() -> None:
    retryable = {child.code for child in classes() if child.retryable}
    assert retryable == {"rate_limited", "internal_error", "model_error", "timeout"}
    assert [child for child in classes() if child.code in retryable and not child.retryable] == [
        errors.WrongTokensError,
        errors.OrderRefusedError,
    ]


def test_a_timeout_may_carry_a_detail_for_the_operator() -> None:
    error = errors.ModelTimeoutError(deadline_seconds=5, detail="host 10.0.0.7")
    assert error.detail == "host 10.0.0.7"
    assert "10.0.0.7" not in error.message

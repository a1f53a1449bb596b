"""The tree of failures is the documented one, with the codes of the ImagineArt 2.0 API reference."""

import importlib
import re
from collections.abc import Iterator

import pytest

from imagineart import errors
from imagineart.access.refused_tokens import WrongTokensError
from imagineart.errors import ImagineArtError

BRANCH = re.compile(r"(?P<indent>(?:│ {3}| {4})*)[├└]── (?P<name>\w+)(?: +(?P<code>\w+))?")
HOMES = (
    "errors", "aws", "access.limits", "access.refused_tokens", "access.tokens", "accounts.attempts",
    "accounts.model", "apis.runware.errors", "credits.model", "idempotency.respond_once", "media.engine",
    "results.send_file",
)  # fmt: skip
"""The modules of the package that define errors of the tree."""
for home in HOMES:
    importlib.import_module(f"imagineart.{home}")


def documented_tree() -> Iterator[tuple[str, str, str | None]]:
    """(parent, class, code) of every branch drawn in the module's docstring."""
    ancestors = ["ImagineArtError"]
    for line in errors.__doc__.splitlines():
        if match := BRANCH.match(line.removeprefix("    ")):
            depth = len(match["indent"]) // 4 + 1
            ancestors[depth:] = [match["name"]]
            yield ancestors[depth - 1], match["name"], match["code"]


def coded_tree(parent: type[ImagineArtError] = ImagineArtError) -> Iterator[tuple[str, str, str]]:
    """(parent, class, code) of every class of the package."""
    for child in parent.__subclasses__():
        yield parent.__name__, child.__name__, child.code
        yield from coded_tree(child)


def classes(parent: type[ImagineArtError] = ImagineArtError) -> Iterator[type[ImagineArtError]]:
    for child in parent.__subclasses__():
        yield child
        yield from classes(child)


def test_the_documented_tree_is_the_tree_in_code() -> None:
    assert sorted(documented_tree()) == sorted(coded_tree())


def test_every_public_code_has_a_class() -> None:
    assert {code for _, _, code in coded_tree()} == {
        "invalid_request", "invalid_image", "missing_bearer_token", "invalid_token", "unknown_request",
        "rate_limited", "internal_error", "model_not_available", "model_error", "model_auth_error",
        "no_tokens_configured", "timeout", "result_expired", "insufficient_credits",
    }  # fmt: skip


@pytest.mark.parametrize(
    "error",
    [
        errors.InternalError(detail="host 10.0.0.7"), errors.ModelError(detail="host 10.0.0.7"),
        errors.ModelAuthError(detail="host 10.0.0.7"), errors.InvalidTokenError(detail="host 10.0.0.7"),
        errors.ModelTimeoutError(deadline_seconds=5, detail="host 10.0.0.7"),
        errors.RequestRefusedError(detail="host 10.0.0.7"),
        WrongTokensError(retry_after_seconds=1, detail="host 10.0.0.7"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_the_detail_for_the_operator_is_not_in_the_message_for_the_caller(error: ImagineArtError) -> None:
    assert error.detail == "host 10.0.0.7"
    assert "10.0.0.7" not in f"{error.message}{error}"


def test_only_failures_that_may_pass_by_themselves_are_worth_a_retry() -> None:
    retryable = {child.code for child in classes() if child.retryable}
    assert retryable == {"rate_limited", "internal_error", "model_error", "timeout"}
    assert {child for child in classes() if child.code in retryable and not child.retryable} == {
        WrongTokensError,
        errors.RequestRefusedError,
    }

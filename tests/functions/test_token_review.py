"""The daily review, as a schedule starts it, over the stores that tokens really are in."""

import json
from dataclasses import replace

import pytest

from imagineart.access.tokens import ROTATION_DAYS, Token, TokenKind
from local.environments import FunctionCrashError
from tests.functions.deployment import Deployment
from tests.functions.test_logs import lines_of, logged_api

__all__ = ["logged_api"]
DAY = 86_400


def issue_long_ago(api: Deployment, kind: TokenKind) -> Token:
    """A token that is due for rotation."""
    token = api.issue_token(kind=kind)
    tokens = api.operator.manage_tokens
    stored = tokens.find(token.id)
    then = replace(stored, id=f"{kind}{'0' * 15}", created_at=stored.created_at - ROTATION_DAYS * DAY)
    tokens.registers[kind].add_token(then)
    return Token(then.id, token.secret)


def review(api: Deployment) -> dict[str, object]:
    result: dict[str, object] = api.gateway.invoke("ReviewTokensFunction", {"source": "aws.events"})
    return result


def test_old_tokens_of_both_stores_are_reported_by_their_ids(
    logged_api: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    old = [issue_long_ago(logged_api, kind).id for kind in TokenKind]
    assert review(logged_api) == {"live": 4, "due": sorted(old), "ending": []}
    output = capsys.readouterr().out
    (line,) = lines_of(output)
    assert (line["message"], line["live"], line["due"], line["ending"]) == ("tokens", 4, sorted(old), [])
    (metrics,) = [each for each in map(json.loads, output.splitlines()) if "_aws" in each]
    assert (metrics["LiveTokens"], metrics["TokensDueForRotation"]) == ([4], [2])


def test_a_review_that_fails_is_an_error_so_that_lambda_retries(own_api: Deployment) -> None:
    secrets = own_api.aws("secretsmanager")
    secret = {"SecretId": own_api.references["InternalTokensSecret"]}
    secrets.put_secret_value(**secret, SecretString='{"consumers": 7}')
    with pytest.raises(FunctionCrashError):
        review(own_api)
    secrets.put_secret_value(**secret, SecretString='{"consumers": {}}')
    assert review(own_api) == {"live": 0, "due": [], "ending": []}

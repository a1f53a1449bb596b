"""The daily review, as a schedule starts it, over the stores that tokens really are in."""

import json
from dataclasses import replace

import pytest

from imagineart.access.tokens import ROTATION_DAYS, Token, TokenKind
from local.environments import FunctionCrashError
from tests.functions.deployment import Deployer, Deployment
from tests.functions.test_logs import lines_of, log_to_this_tests_output

DAY = 86_400


@pytest.fixture
def api(deploy: Deployer) -> Deployment:
    return deploy(log_to_this_tests_output)


def issue_long_ago(api: Deployment, kind: TokenKind) -> Token:
    """A token as it stands when its rotation is due."""
    token = api.issue_token(kind=kind)
    tokens = api.operator.manage_tokens
    stored = tokens.find(token.id)
    then = replace(stored, id=f"{kind}{'0' * 15}", created_at=stored.created_at - ROTATION_DAYS * DAY)
    tokens.registers[kind].add_token(then)
    return Token(then.id, token.secret)


def review(api: Deployment) -> dict[str, object]:
    response: dict[str, object] = api.gateway.invoke("ReviewTokensFunction", {"source": "aws.events"})
    return response


def test_old_tokens_of_both_stores_are_told_by_their_ids(
    api: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    old = [issue_long_ago(api, kind).id for kind in TokenKind]
    assert review(api) == {"live": 4, "due": sorted(old), "ending": []}
    output = capsys.readouterr().out
    (line,) = lines_of(output)
    assert (line["message"], line["live"], line["due"], line["ending"]) == ("tokens", 4, sorted(old), [])
    (metrics,) = [each for each in map(json.loads, output.splitlines()) if "_aws" in each]
    assert (metrics["LiveTokens"], metrics["TokensDueForRotation"]) == ([4], [2])


def test_a_stack_without_tokens_has_nothing_to_tell(api: Deployment) -> None:
    assert review(api) == {"live": 0, "due": [], "ending": []}


def test_a_review_that_fails_says_so_to_lambda_which_tries_again(api: Deployment) -> None:
    api.aws("secretsmanager").put_secret_value(
        SecretId=api.references["InternalTokensSecret"], SecretString='{"consumers": 7}'
    )
    with pytest.raises(FunctionCrashError):
        review(api)
    api.aws("secretsmanager").put_secret_value(
        SecretId=api.references["InternalTokensSecret"], SecretString='{"consumers": {}}'
    )
    assert review(api)["live"] == 0

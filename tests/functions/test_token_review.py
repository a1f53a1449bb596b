"""The daily review, as a schedule starts it, over the stores that tokens really are in."""

import json
from dataclasses import replace
from typing import Any

import pytest

from imagineart.access.tokens import ROTATION_DAYS, TokenKind
from local.environments import FunctionCrashError
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment
from tests.functions.test_logs import lines_of, log_to_this_tests_output

DAY_SECONDS = 86_400


def issue_long_ago(api: Deployment, kind: TokenKind) -> str:
    """The id of a token whose rotation is due."""
    tokens = api.operator.manage_tokens
    stored = tokens.find(api.issue_token(kind=kind).id)
    created_at = stored.created_at - ROTATION_DAYS * DAY_SECONDS
    old = replace(stored, id=f"{kind}{'0' * 15}", created_at=created_at)
    tokens.registers[kind].add_token(old)
    return old.id


def review(api: Deployment) -> Any:
    return api.gateway.invoke("ReviewTokensFunction", {"source": "aws.events"})


def test_old_tokens_of_both_stores_are_reported_by_their_ids(
    deploy: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    api = deploy(log_to_this_tests_output)
    old = sorted(issue_long_ago(api, kind) for kind in TokenKind)
    assert review(api) == {"live": 4, "due": old, "ending": []}
    output = capsys.readouterr().out
    (line,) = lines_of(output)
    assert (line["message"], line["live"], line["due"], line["ending"]) == ("tokens", 4, old, [])
    (metrics,) = [each for each in map(json.loads, output.splitlines()) if "_aws" in each]
    assert (metrics["LiveTokens"], metrics["TokensDueForRotation"]) == ([4], [2])


def test_a_review_that_fails_is_an_error_to_lambda_which_retries_it(own_api: Deployment) -> None:
    secrets, secret_id = own_api.aws("secretsmanager"), own_api.references["InternalTokensSecret"]
    secrets.put_secret_value(SecretId=secret_id, SecretString='{"consumers": 7}')
    with pytest.raises(FunctionCrashError):
        review(own_api)
    secrets.put_secret_value(SecretId=secret_id, SecretString='{"consumers": {}}')
    assert review(own_api) == {"live": 0, "due": [], "ending": []}

"""Every error that the reference shows is provoked, and is responded in the words that are shown."""

import re

import pytest
import yaml

from imagineart.access.consumers import TIERS
from imagineart.apis.imagineart.errors import STATUS_BY_CODE
from local.template import PROJECT
from tests.functions.deployment import Deployer, Deployment, assert_error
from tests.functions.generating_backend import GeneratingBackend
from tests.functions.test_error_table import PROVOCATIONS

EXAMPLES = yaml.safe_load((PROJECT / "openapi.yaml").read_text())["components"]["examples"]
PROVOKED_BELOW = ("invalid_request", "rate_limited")
REFERENCE = (PROJECT / "docs" / "api.md").read_text()


def shown_retries(code: str) -> list[str]:
    """What the error table says of X-Should-Retry."""
    row = re.search(rf"^\| \d+ \| `{code}` \| ([^|]+) \|", REFERENCE, re.MULTILINE)
    assert row is not None
    return re.findall(r"`(\w+)`", row[1])


def without_numbers(text: str) -> str:
    return re.sub(r"\d+", "N", text)


def test_every_code_has_an_example_on_both_documents() -> None:
    assert list(EXAMPLES) == list(STATUS_BY_CODE)
    for code, example in EXAMPLES.items():
        assert f"| `{code}` | {example['value']['error']['message']} |" in REFERENCE


@pytest.mark.parametrize("code", [code for code in PROVOCATIONS if code not in PROVOKED_BELOW])
def test_the_error_is_answered_as_shown(deploy: Deployer, backend: GeneratingBackend, code: str) -> None:
    response = PROVOCATIONS[code](deploy, backend)
    shown = EXAMPLES[code]["value"]["error"]
    message = assert_error(response, STATUS_BY_CODE[code], code)
    assert response.headers["X-Should-Retry"] in shown_retries(code)
    assert shown.keys() == response.json()["error"].keys()
    assert without_numbers(message) == without_numbers(shown["message"])


def test_a_wrong_field_is_refused_as_shown(api: Deployment) -> None:
    client = api.client(api.issue_token())
    response = client.post("/v1/images/generations", data={"prompt": "x", "resolution": "3K"})
    shown = EXAMPLES["invalid_request"]["value"]["error"]["message"]
    assert assert_error(response, 400, "invalid_request") == shown
    assert shown_retries("invalid_request") == [response.headers["X-Should-Retry"]]


def test_a_limit_is_refused_as_shown(api: Deployment) -> None:
    shown = EXAMPLES["rate_limited"]["value"]["error"]["message"]
    allowed = TIERS["basic"].requests_per_minute
    client = api.client(api.issue_token(requests_per_minute=allowed))
    # Twice as many and one more: a minute may end amid them.
    responses = [client.get("/v1/models") for _ in range(2 * allowed + 1)]
    refused = [response for response in responses if response.status_code != 200]
    assert refused
    assert {assert_error(response, 429, "rate_limited") for response in refused} == {shown}
    assert {response.headers["X-Should-Retry"] for response in refused} <= set(shown_retries("rate_limited"))

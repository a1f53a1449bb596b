"""Every row of the reference's error table, as a client of the deployed API meets it."""

import secrets
from collections.abc import Callable

import httpx
import pytest

from imagineart.access.tokens import TokenKind, create_token
from imagineart.apis.common.call import RESERVED_SECONDS
from tests.fault_backend import refusal
from tests.functions.deployment import (
    Deployer,
    Deployment,
    assert_error,
    edit,
    function_properties,
    generate,
)
from tests.functions.generating_backend import GeneratingBackend, cut_off, never

REFERENCE = """
400 invalid_request invalid_image
401 missing_bearer_token invalid_token
404 unknown_request
429 rate_limited
500 internal_error
502 model_not_available model_error model_auth_error
503 no_tokens_configured
504 timeout
"""
ROWS = [(int(line.split()[0]), code) for line in REFERENCE.split("\n") for code in line.split()[1:]]

Provocation = Callable[[Deployer, GeneratingBackend], httpx.Response]


def authenticated(api: Deployment) -> httpx.Client:
    return api.client(api.issue_token())


def send_no_prompt(deploy: Deployer, _: GeneratingBackend) -> httpx.Response:
    return authenticated(deploy()).post("/v1/images/generations", data={"resolution": "1K"})


def send_text_as_image(deploy: Deployer, _: GeneratingBackend) -> httpx.Response:
    return edit(authenticated(deploy()), b"no image at all")


def send_no_token(deploy: Deployer, _: GeneratingBackend) -> httpx.Response:
    return generate(deploy().client())


def send_an_invented_token(deploy: Deployer, _: GeneratingBackend) -> httpx.Response:
    api = deploy()
    api.issue_token()
    return generate(api.client(create_token(TokenKind.PARTNER, secrets.randbelow)))


def ask_for_an_unknown_path(deploy: Deployer, _: GeneratingBackend) -> httpx.Response:
    return authenticated(deploy()).post("/v1/images/variations")


def let_the_backend_be_busy(deploy: Deployer, backend: GeneratingBackend) -> httpx.Response:
    backend.reply = lambda _: refusal(429, "busy")
    return generate(authenticated(deploy()))


def lose_the_tokens_table(deploy: Deployer, _: GeneratingBackend) -> httpx.Response:
    api = deploy()
    client = authenticated(api)
    api.aws("dynamodb").delete_table(TableName=api.references["TokensTable"])
    return generate(client)


def let_the_backend_lack_the_model(deploy: Deployer, backend: GeneratingBackend) -> httpx.Response:
    backend.reply = lambda _: refusal(404, "model_not_found")
    return generate(authenticated(deploy()))


def cut_the_backend_off(deploy: Deployer, backend: GeneratingBackend) -> httpx.Response:
    backend.reply = cut_off
    return generate(authenticated(deploy()))


def let_the_backend_refuse_the_credential(deploy: Deployer, backend: GeneratingBackend) -> httpx.Response:
    backend.reply = lambda _: refusal(401, "invalid_api_key")
    return generate(authenticated(deploy()))


def configure_no_token(deploy: Deployer, _: GeneratingBackend) -> httpx.Response:
    return generate(deploy().client(create_token(TokenKind.PARTNER, secrets.randbelow)))


def let_the_backend_be_slow(deploy: Deployer, backend: GeneratingBackend) -> httpx.Response:
    def shorten(document: dict) -> None:
        function_properties(document, "GenerateImageFunction")["Timeout"] = RESERVED_SECONDS + 0.2

    backend.reply = never
    return generate(authenticated(deploy(shorten)))


PROVOCATIONS: dict[str, Provocation] = {
    "invalid_request": send_no_prompt,
    "invalid_image": send_text_as_image,
    "missing_bearer_token": send_no_token,
    "invalid_token": send_an_invented_token,
    "unknown_request": ask_for_an_unknown_path,
    "rate_limited": let_the_backend_be_busy,
    "internal_error": lose_the_tokens_table,
    "model_not_available": let_the_backend_lack_the_model,
    "model_error": cut_the_backend_off,
    "model_auth_error": let_the_backend_refuse_the_credential,
    "no_tokens_configured": configure_no_token,
    "timeout": let_the_backend_be_slow,
}


@pytest.mark.parametrize(("status", "code"), ROWS)
def test_the_row_is_answered_in_the_envelope(
    deploy: Deployer, backend: GeneratingBackend, status: int, code: str
) -> None:
    assert_error(PROVOCATIONS[code](deploy, backend), status, code)


def test_every_request_has_an_id_of_its_own(api: Deployment) -> None:
    client = api.client()
    responses = [client.get("/health"), client.get("/v1/models"), client.get("/nowhere"), client.get("/health")]
    assert len({response.headers["X-Request-Id"] for response in responses}) == 4

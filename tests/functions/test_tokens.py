"""Which tokens are accepted, and how fast a token ends."""

import secrets

import httpx
import pytest

from imagineart.access.tokens import Token, TokenKind, create_token
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment, assert_error, edit, generate

BOTH_KINDS = pytest.mark.parametrize("kind", list(TokenKind))


def new_token(kind: TokenKind = TokenKind.PARTNER) -> Token:
    """A well-formed token that was never issued."""
    return create_token(kind, secrets.randbelow)


def list_models(client: httpx.Client, *, forwarded_proto: str = "https") -> httpx.Response:
    return client.get("/v1/models", headers={"X-Forwarded-Proto": forwarded_proto})


@BOTH_KINDS
def test_a_revoked_token_is_refused_on_the_next_request(own_api: Deployment, kind: TokenKind) -> None:
    old, new = own_api.issue_token(kind=kind), own_api.issue_token(kind=kind)
    assert [list_models(own_api.client(token)).status_code for token in (old, new)] == [200, 200]
    own_api.operator.manage_tokens.revoke(old.id)
    message = assert_error(list_models(own_api.client(old)), 401, "invalid_token")
    assert message == "Invalid API token."
    assert list_models(own_api.client(new)).status_code == 200


@BOTH_KINDS
def test_a_token_sent_over_plain_http_is_revoked(own_api: Deployment, kind: TokenKind) -> None:
    client = own_api.client(own_api.issue_token(kind=kind))
    plain = list_models(client, forwarded_proto="https, http")
    assert "plain HTTP" in assert_error(plain, 401, "invalid_token")
    assert assert_error(list_models(client), 401, "invalid_token") == "Invalid API token."


@pytest.mark.parametrize("header", [None, "", "Bearer   ", "Basic dXNlcjpwYXNz", "iart_without_a_scheme"])
def test_a_request_without_a_bearer_token_is_told_to_send_one(api: Deployment, header: str | None) -> None:
    client = api.client(**({} if header is None else {"Authorization": header}))
    for response in (
        client.get("/v1/models"),
        client.post("/v1/images/generations"),
        client.post("/v1/images/edits"),
        client.post("/v1/uploads"),
    ):
        assert "Authorization: Bearer" in assert_error(response, 401, "missing_bearer_token")


def test_the_scheme_is_read_in_any_case(api: Deployment) -> None:
    client = api.client(Authorization=f"bEARER {api.issue_token().text}")
    assert list_models(client).status_code == 200


def test_malformed_unknown_and_wrong_tokens_get_the_same_response(api: Deployment) -> None:
    genuine = api.issue_token()
    refused = [
        "iart_garbage",
        genuine.text[:-1] + ("a" if genuine.text[-1] != "a" else "b"),
        new_token().text,
        new_token(TokenKind.INTERNAL).text,
        Token(genuine.id, new_token().secret).text,
    ]
    responses = [list_models(api.client(Authorization=f"Bearer {text}")) for text in refused]
    assert {assert_error(each, 401, "invalid_token") for each in responses} == {"Invalid API token."}


@BOTH_KINDS
def test_before_any_token_exists_the_operator_is_named(own_api: Deployment, kind: TokenKind) -> None:
    client = own_api.client(new_token(kind))
    for response in (list_models(client), generate(client), edit(client, b"image")):
        assert "operator" in assert_error(response, 503, "no_tokens_configured")


@BOTH_KINDS
def test_a_token_in_one_store_makes_unknown_ones_of_both_invalid(deploy: Deploy, kind: TokenKind) -> None:
    api = deploy()
    api.issue_token(kind=kind)
    for unknown in TokenKind:
        assert_error(list_models(api.client(new_token(unknown))), 401, "invalid_token")


def test_the_stores_have_no_secret_of_a_token(api: Deployment) -> None:
    partner, internal = api.issue_token(), api.issue_token(kind=TokenKind.INTERNAL)
    stored = str(api.aws("dynamodb").scan(TableName=api.references["TokensTable"])["Items"])
    stored += api.aws("secretsmanager").get_secret_value(
        SecretId=api.references["InternalTokensSecret"], VersionStage="AWSCURRENT"
    )["SecretString"]
    for token in (partner, internal):
        assert token.id in stored
        assert token.secret not in stored

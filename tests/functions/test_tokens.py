"""Who is let in, and how fast a token ends."""

import secrets

import httpx
import pytest

from imagineart.access.tokens import Token, TokenKind, create_token
from tests.functions.deployment import Deployment, assert_error, edit, generate

BOTH_KINDS = pytest.mark.parametrize("kind", list(TokenKind))


@BOTH_KINDS
def test_a_token_of_either_store_is_let_in(api: Deployment, kind: TokenKind) -> None:
    assert api.client(api.issue_token(kind=kind)).get("/v1/models").status_code == 200


@BOTH_KINDS
def test_a_revoked_token_is_refused_on_the_very_next_request(api: Deployment, kind: TokenKind) -> None:
    token = api.issue_token(kind=kind)
    client = api.client(token)
    assert client.get("/v1/models").status_code == 200
    api.operator.manage_tokens.revoke(token.id)
    assert assert_error(client.get("/v1/models"), 401, "invalid_token") == "Invalid API token."


@BOTH_KINDS
def test_rotation_appends_before_it_removes(api: Deployment, kind: TokenKind) -> None:
    old, new = api.issue_token(kind=kind), api.issue_token(kind=kind)
    both = [api.client(token).get("/v1/models").status_code for token in (old, new)]
    api.operator.manage_tokens.revoke(old.id)
    after = [api.client(token).get("/v1/models").status_code for token in (old, new)]
    assert (both, after) == ([200, 200], [401, 200])


@BOTH_KINDS
def test_a_token_sent_over_plain_http_is_revoked(api: Deployment, kind: TokenKind) -> None:
    client = api.client(api.issue_token(kind=kind))
    plain = list_models_over(client, "http")
    assert "plain HTTP" in assert_error(plain, 401, "invalid_token")
    assert assert_error(list_models_over(client, "https"), 401, "invalid_token") == "Invalid API token."


def test_one_plain_hop_among_proxies_is_enough(api: Deployment) -> None:
    client = api.client(api.issue_token())
    assert_error(list_models_over(client, "https, http"), 401, "invalid_token")
    assert_error(list_models_over(client, "https"), 401, "invalid_token")


def test_nobody_can_revoke_a_token_of_which_only_the_id_is_known(api: Deployment) -> None:
    token = api.issue_token()
    forged = Token(token.id, create_token(TokenKind.PARTNER, secrets.randbelow).secret)
    assert_error(list_models_over(api.client(forged), "http"), 401, "invalid_token")
    assert api.client(token).get("/v1/models").status_code == 200


def list_models_over(client: httpx.Client, protocol: str) -> httpx.Response:
    return client.get("/v1/models", headers={"X-Forwarded-Proto": protocol})


def test_an_expired_token_is_refused(api: Deployment) -> None:
    token = api.issue_token(life_days=1)
    client = api.client(token)
    assert client.get("/v1/models").status_code == 200
    api.aws("dynamodb").update_item(
        TableName=api.references["TokensTable"],
        Key={"key": {"S": f"token#{token.id}"}},
        UpdateExpression="SET expires_at = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    assert_error(client.get("/v1/models"), 401, "invalid_token")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer   ", "Basic dXNlcjpwYXNz", "iart_without_a_scheme"]
)
def test_without_a_bearer_token_one_is_asked_for(api: Deployment, header: str | None) -> None:
    api.issue_token()
    headers = {} if header is None else {"Authorization": header}
    for response in (
        api.client().get("/v1/models", headers=headers),
        api.client().post("/v1/images/generations", headers=headers),
        api.client().post("/v1/images/edits", headers=headers),
        api.client().post("/v1/uploads", headers=headers),
    ):
        assert "Authorization: Bearer" in assert_error(response, 401, "missing_bearer_token")


def test_the_scheme_is_read_in_any_case(api: Deployment) -> None:
    token = api.issue_token()
    for scheme in ("bearer", "BEARER"):
        headers = {"Authorization": f"{scheme} {token.text}"}
        assert api.client().get("/v1/models", headers=headers).status_code == 200


def test_malformed_unknown_and_wrong_tokens_are_told_apart_by_nobody(api: Deployment) -> None:
    genuine = api.issue_token()
    stranger = create_token(TokenKind.PARTNER, secrets.randbelow)
    refused = [
        "iart_garbage",
        genuine.text[:-1] + ("a" if genuine.text[-1] != "a" else "b"),
        stranger.text,
        create_token(TokenKind.INTERNAL, secrets.randbelow).text,
        Token(genuine.id, stranger.secret).text,
    ]
    responses = [
        api.client().get("/v1/models", headers={"Authorization": f"Bearer {text}"}) for text in refused
    ]
    assert {assert_error(response, 401, "invalid_token") for response in responses} == {"Invalid API token."}


@BOTH_KINDS
def test_without_any_token_in_either_store_the_operator_is_called_for(
    api: Deployment, kind: TokenKind
) -> None:
    client = api.client(create_token(kind, secrets.randbelow))
    for response in (client.get("/v1/models"), generate(client), edit(client, b"image")):
        assert "operator" in assert_error(response, 503, "no_tokens_configured")


@pytest.mark.parametrize(
    ("held", "sent"),
    [(TokenKind.PARTNER, TokenKind.INTERNAL), (TokenKind.INTERNAL, TokenKind.PARTNER)],
)
def test_one_token_in_one_store_makes_strangers_invalid_in_both(
    api: Deployment, held: TokenKind, sent: TokenKind
) -> None:
    api.issue_token(kind=held)
    client = api.client(create_token(sent, secrets.randbelow))
    assert_error(client.get("/v1/models"), 401, "invalid_token")


def test_the_cloud_holds_no_secret_of_a_token(api: Deployment) -> None:
    partner, internal = api.issue_token(), api.issue_token(kind=TokenKind.INTERNAL)
    kept = str(api.aws("dynamodb").scan(TableName=api.references["TokensTable"])["Items"])
    kept += api.aws("secretsmanager").get_secret_value(
        SecretId=api.references["InternalTokensSecret"], VersionStage="AWSCURRENT"
    )["SecretString"]
    assert partner.id in kept
    assert internal.id in kept
    assert partner.secret not in kept
    assert internal.secret not in kept

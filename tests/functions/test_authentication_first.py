"""A request that is refused costs neither the decoding nor the parsing of its body."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from imagineart.access.tokens import Scope, Token
from local import gateway
from tests.functions.conftest import Deploy
from tests.functions.deployment import (
    Change,
    assert_error,
    edit,
    generate,
    without_the_streaming_layer,
)
from tests.functions.generating_backend import image_file
from tests.functions.test_tokens import new_token

BY_LAYER = pytest.mark.parametrize(
    "changes", [[], [without_the_streaming_layer]], ids=["streamed", "buffered"]
)


class SealedEvent(dict[str, Any]):
    """An event whose body may not be read."""

    def __getitem__(self, name: str) -> Any:
        assert name != "body", "the body was read"
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        assert name != "body", "the body was read"
        return super().get(name, default)


@pytest.fixture
def sealed_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*request: Any, **route: Any) -> SealedEvent:
        return SealedEvent(build_proxy_event(*request, **route))

    build_proxy_event = gateway.build_proxy_event
    monkeypatch.setattr(gateway, "build_proxy_event", build)


@BY_LAYER
@pytest.mark.parametrize(
    "send",
    [
        lambda client: generate(client),
        lambda client: edit(client, image_file((8, 8))),
        lambda client: client.post("/v1/uploads", json={"content_type": "image/png", "size": 1}),
    ],
    ids=["generation", "edit", "upload"],
)
@pytest.mark.usefixtures("sealed_bodies")
def test_without_a_right_token_the_body_is_not_touched(
    deploy: Deploy, changes: list[Change], send: Callable[[httpx.Client], httpx.Response]
) -> None:
    api = deploy(*changes)
    genuine, other_scope = api.issue_token(), api.issue_token(scopes=frozenset({Scope.READ_MODELS}))
    assert_error(send(api.client()), 401, "missing_bearer_token")
    for wrong in (new_token(), Token(genuine.id, new_token().secret), other_scope):
        assert_error(send(api.client(wrong)), 401, "invalid_token")
    exhausted = api.client(api.issue_token(requests_per_minute=1))
    assert {send(exhausted).status_code for _ in range(3)} == {500, 429}
    assert_error(send(api.client(genuine)), 500, "internal_error")


@BY_LAYER
@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "application/json"])
def test_megabytes_that_no_parser_accepts_are_a_wrong_token_all_the_same(
    deploy: Deploy, changes: list[Change], content_type: str
) -> None:
    api = deploy(*changes)
    api.issue_token()
    client = api.client(new_token(), **{"Content-Type": content_type})
    response = client.post("/v1/images/generations", content=b"\xff{" * 2_000_000)
    assert_error(response, 401, "invalid_token")

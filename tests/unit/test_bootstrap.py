"""What a function's start does and does not do."""

import socket

import pytest

from imagineart.apis.imagineart.errors import error_response
from imagineart.apis.imagineart.generate_image import router
from imagineart.bootstrap import LambdaServices, create_handler
from imagineart.settings import SettingsError

VARIABLES = {
    "POWERTOOLS_METRICS_NAMESPACE": "ImagineArt/stack",
    "POWERTOOLS_SERVICE_NAME": "generate_image",
    "IMAGINEART_TOKENS_TABLE": "tokens",
    "IMAGINEART_CONSUMERS_TABLE": "consumers",
    "IMAGINEART_INTERNAL_TOKENS_SECRET": "internal",
    "IMAGINEART_BACKENDS": "sglang https://gpu.example.com/v1 a-model",
    "LAMBDA_RESPONSE_STREAMING": "1",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "an-id",
    "AWS_SECRET_ACCESS_KEY": "a-secret",
}


def test_a_start_connects_to_nothing_and_draws_nothing_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot (SnapStart) would hold it."""

    def refuse(*_: object) -> None:
        raise AssertionError("a connection or a random number at the start")

    for module, name in ((socket.socket, "connect"), (socket, "getaddrinfo")):
        monkeypatch.setattr(module, name, refuse)
    for name in ("secrets.randbelow", "secrets.SystemRandom", "uuid.uuid4"):
        monkeypatch.setattr(name, refuse)
    create_handler(VARIABLES, router, error_response)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("IMAGINEART_TOKENS_TABLE", "", "IMAGINEART_TOKENS_TABLE: the setting is required"),
        ("IMAGINEART_BACKENDS", "nova", "IMAGINEART_BACKENDS: got the kind 'nova'; allowed: "),
    ],
)
def test_a_wrong_setting_stops_the_start(variable: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        create_handler(VARIABLES | {variable: value}, router, error_response)


def test_an_environment_makes_each_part_once() -> None:
    services = LambdaServices(VARIABLES)
    assert services.authenticator is services.authenticator
    assert services.backends is services.backends
    assert services.limits is services.limits

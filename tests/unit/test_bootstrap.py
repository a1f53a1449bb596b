"""Routes become backends in one place, and one that cannot is told when the function starts."""

import pytest
from imagineart.adapters.aws_signature import Credentials
from imagineart.adapters.bedrock_images import BedrockImagesBackend
from imagineart.adapters.imagineart_api import ImagineArtApiBackend
from imagineart.adapters.openai_images import OpenAiImagesBackend
from imagineart.adapters.secrets import BackendKeys
from imagineart.use_cases.call_backends import Route

from imagineart.bootstrap import build_routes
from imagineart.settings import OPENAI_KINDS, SettingsError, parse_routes


class Keys(BackendKeys):
    """A key for every host that names it."""

    def __init__(self) -> None:
        """Nothing is read."""

    def key_for(self, host: str) -> str | None:
        return f"the key of {host}"


def routes(text: str) -> list[Route]:
    return build_routes(parse_routes(text), Keys(), lambda: Credentials("an-id", "a-secret"))


def test_each_kind_has_its_adapter() -> None:
    made = routes(
        "bedrock us-west-2 stability.stable-image-core-v1:1, imagineart https://a.example.com/v1, "
        + ", ".join(f"{kind} https://gpu.example.com/v1 a-model" for kind in OPENAI_KINDS)
    )
    assert [type(each.backend) for each in made] == [
        BedrockImagesBackend, ImagineArtApiBackend, *[OpenAiImagesBackend] * len(OPENAI_KINDS),
    ]  # fmt: skip
    assert [each.name for each in made] == ["bedrock", "imagineart", *OPENAI_KINDS]


def test_a_backend_gets_the_key_of_its_own_host_and_no_other() -> None:
    (route,) = routes("sglang https://gpu.example.com:8443/v1 a-model")
    assert isinstance(route.backend, OpenAiImagesBackend)
    assert route.backend.api_key() == "the key of gpu.example.com:8443"


def test_a_route_keeps_its_bounds() -> None:
    (route,) = routes("openai https://a.example.com/v1 a-model attempt=30 retries=1")
    assert (route.attempt_seconds, route.retries) == (30.0, 1)


def test_a_model_that_bedrock_has_not_is_told_with_those_it_has() -> None:
    with pytest.raises(SettingsError, match=r"bedrock: got the Bedrock model 'nova'; allowed are stability"):
        routes("bedrock us-west-2 nova")

"""The backends of a document become their adapters."""

from pydantic import TypeAdapter

from imagineart.aws import AwsClients
from imagineart.backends.bedrock import BedrockBackend
from imagineart.backends.http import HttpClient
from imagineart.backends.imagineart_api import ImagineArtBackend
from imagineart.backends.keys import BackendKeys
from imagineart.backends.openai_compatible import OpenAiBackend
from imagineart.backends.openai_profiles import PROFILES
from imagineart.backends.route_builder import RouteBuilder
from imagineart.models.routes import AnyRoute

KEYS = BackendKeys(lambda: {"openai.example.com:8443": "sk-1", "api.example.com": "iart_1", "other": "x"})


def routes(*backends: dict) -> list[AnyRoute]:
    return TypeAdapter(list[AnyRoute]).validate_python(backends)


def test_every_kind_of_backend_becomes_its_adapter_with_the_key_of_its_host() -> None:
    http = HttpClient()
    *servers, deployment, bedrock = RouteBuilder(AwsClients({}), KEYS, http).build(
        routes(
            *(
                {"kind": kind, "url": f"https://{kind}.example.com:8443/v1", "model": "m"}
                for kind in PROFILES
            ),
            {"kind": "imagineart", "url": "https://api.example.com/v1", "attempt_seconds": 30},
            {"kind": "bedrock", "region": "us-west-2", "model": "stability.sd3-5-large-v1:0", "retries": 1},
        )
    )
    for route, kind in zip(servers, PROFILES, strict=True):
        assert isinstance(route.backend, OpenAiBackend)
        assert (route.name, route.backend.profile, route.backend.model) == (kind, PROFILES[kind], "m")
        assert route.backend.api_key() == ("sk-1" if kind == "openai" else None)
        assert route.backend.http is http
    assert isinstance(deployment.backend, ImagineArtBackend)
    assert (deployment.backend.api_key(), deployment.attempt_seconds) == ("iart_1", 30)
    assert isinstance(bedrock.backend, BedrockBackend)
    assert bedrock.retries == 1


def test_backends_of_one_kind_are_told_apart_by_number() -> None:
    server = {"kind": "sglang", "url": "http://a/v1", "model": "m"}
    built = RouteBuilder(AwsClients({}), KEYS).build(
        routes(server, {"kind": "imagineart", "url": "http://b/v1"}, server, server)
    )
    assert [each.name for each in built] == ["sglang", "imagineart", "sglang-2", "sglang-3"]

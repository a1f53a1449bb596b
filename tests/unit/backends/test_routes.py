"""Routes that could not be followed at the first request stop the function's start instead."""

import pytest

from imagineart.aws import AwsClients
from imagineart.backends.bedrock import BedrockBackend
from imagineart.backends.http import HttpClient
from imagineart.backends.imagineart_api import ImagineArtBackend
from imagineart.backends.keys import BackendKeys
from imagineart.backends.openai_compatible import OpenAiBackend
from imagineart.backends.openai_profiles import PROFILES
from imagineart.backends.routes import RouteSettings, build_routes, parse_routes
from imagineart.settings import SettingsError


def test_routes_are_read_in_their_order_with_their_options() -> None:
    text = """
        vllm-omni https://gpu-1.example.com/v1/ Qwen/Qwen-Image attempt=60 retries=0,
        openai-compatible http://127.0.0.1:8000/v1 painter response_format=png,
        bedrock us-west-2 stability.stable-image-ultra-v1:1 upscaler=off endpoint=https://vpce.example.com/,
        imagineart https://api.example.com/prod/v1
    """
    assert parse_routes(text) == (
        RouteSettings("vllm-omni", "vllm-omni", "https://gpu-1.example.com/v1", "Qwen/Qwen-Image", 60.0, 0),
        RouteSettings(
            "openai-compatible", "openai-compatible", "http://127.0.0.1:8000/v1", "painter",
            response_format="png",
        ),
        RouteSettings(
            "bedrock", "bedrock", "us-west-2", "stability.stable-image-ultra-v1:1",
            upscaler=False, endpoint="https://vpce.example.com",
        ),
        RouteSettings("imagineart", "imagineart", "https://api.example.com/prod/v1", ""),
    )  # fmt: skip


def test_backends_of_one_kind_are_told_apart_by_number() -> None:
    routes = parse_routes(
        "sglang http://a/v1 m, bedrock us-west-2 m, sglang http://b/v1 m, sglang http://c/v1 m"
    )
    assert [each.name for each in routes] == ["sglang", "bedrock", "sglang-2", "sglang-3"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (",", "got the kind ''; allowed: openai, vllm-omni, sglang, openai-compatible, bedrock, imagineart"),
        ("dalle https://a m", "got the kind 'dalle'; allowed: "),
        ("openai https://a", "got '' after 'https://a'; allowed: one model"),
        ("openai https://a m n", "got 'm n' after 'https://a'; allowed: one model"),
        ("imagineart https://a/v1 m", "got 'm' after 'https://a/v1'; allowed: no model"),
        ("openai https://a m upscaler=on", "got the option 'upscaler'; allowed: attempt, retries"),
        ("sglang https://a m response_format=png", "got the option 'response_format'; allowed: "),
        ("openai https://a m attempt=0", "got '0'; allowed: whole numbers from 1 to 280"),
        ("openai https://a m attempt=281", "got '281'"),
        ("openai https://a m attempt=x", "got 'x'"),
        ("openai https://a m attempt=6 attempt=60", "allowed: each option once, with a value"),
        ("openai-compatible https://a m response_format=", "allowed: each option once, with a value"),
        ("openai https://a m retries=6", "got '6'; allowed: whole numbers from 0 to 5"),
        ("openai https://a m retries=\u00b2", "got '\u00b2'"),
        ("bedrock us-west-2 m upscaler=yes", "got upscaler=yes; allowed: on, off"),
        ("bedrock https://a m", "got 'https://a'; allowed: an AWS region, such as us-west-2"),
        ("bedrock us-west-2 m endpoint=nowhere", "got 'nowhere'; allowed: an http:// or https:// URL"),
        ("openai", "openai: got '' after ''; allowed: one model"),
    ],
)
def test_a_route_that_cannot_be_followed_is_named_with_what_is_allowed(text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_routes(text)
    assert str(caught.value).startswith("IMAGINEART_BACKENDS: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "gpu.example.com", "ftp://gpu.example.com", "/v1", "http://", "http:///v1", "http://[nonsense/v1",
        "http://gpu.example.com:port", "http://gpu.example.com:99999", "http://gpu.example.com:0",
        "https://gpu.example.com/v1?key", "https://gpu.example.com/v1#there", "https://f\u00fcchse.example.com",
        "https://gpu.example.com/\x00", "https://gpu..example.com/v1", f"https://{'x' * 64}.example.com",
    ],
)  # fmt: skip
def test_what_is_no_url_of_a_backend_is_refused_with_what_is_allowed(url: str) -> None:
    with pytest.raises(SettingsError, match=r"openai: got '.*'; allowed: an http"):
        parse_routes(f"openai {url} m")


@pytest.mark.parametrize("url", ["http://[::1]:8000", "http://127.0.0.1:8000/v1", "https://gpu.example.com"])
def test_what_is_a_url_is_taken(url: str) -> None:
    assert parse_routes(f"openai {url} m")[0].where == url


def test_a_password_in_a_url_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_routes("openai https://operator:hunter2@gpu.example.com/v1 m")
    assert "hunter2" not in str(caught.value)


def test_every_kind_of_route_becomes_its_adapter_with_the_key_of_its_host() -> None:
    text = ", ".join(
        [
            *(f"{kind} https://{kind}.example.com:8443/v1 a-model" for kind in PROFILES),
            "imagineart https://api.example.com/v1 attempt=30",
            "bedrock us-west-2 stability.stable-image-core-v1:1 retries=1",
        ]
    )
    keys = BackendKeys(lambda: {"openai.example.com:8443": "sk-1", "api.example.com": "iart_1", "other": "x"})
    http = HttpClient()
    *servers, deployment, bedrock = build_routes(
        parse_routes(text), clients=AwsClients({}), keys=keys, http=http
    )
    for route, kind in zip(servers, PROFILES, strict=True):
        assert isinstance(route.backend, OpenAiBackend)
        assert (route.name, route.backend.profile, route.backend.model) == (kind, PROFILES[kind], "a-model")
        assert route.backend.api_key() == ("sk-1" if kind == "openai" else None)
        assert route.backend.http is http
    assert isinstance(deployment.backend, ImagineArtBackend)
    assert (deployment.backend.api_key(), deployment.attempt_seconds) == ("iart_1", 30)
    assert isinstance(bedrock.backend, BedrockBackend)
    assert bedrock.retries == 1


def test_a_model_that_bedrock_does_not_have_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="IMAGINEART_BACKENDS: bedrock: got the Bedrock model 'nova'"):
        build_routes(parse_routes("bedrock us-west-2 nova"), clients=AwsClients({}), keys=BackendKeys(dict))

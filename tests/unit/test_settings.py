"""Settings that would fail at the first request stop the function's start instead."""

import pytest

from imagineart.settings import BackendRoute, BackendSettings, SettingsError, parse_routes

COMPLETE = {
    "IMAGINEART_BACKENDS": "vllm-omni https://gpu.example.com/v1 Qwen/Qwen-Image",
    "IMAGINEART_BACKEND_CREDENTIAL_SECRET": "backend-keys",
}


def test_routes_are_read_in_their_order_with_their_options() -> None:
    text = """
        vllm-omni https://gpu-1.example.com/v1/ Qwen/Qwen-Image attempt=60 retries=0,
        openai-compatible http://127.0.0.1:8000/v1 painter response_format=png,
        bedrock us-west-2 stability.stable-image-ultra-v1:1 upscaler=off endpoint=https://vpce.example.com/,
        imagineart https://api.example.com/prod/v1
    """
    assert parse_routes(text) == (
        BackendRoute("vllm-omni", "vllm-omni", "https://gpu-1.example.com/v1", "Qwen/Qwen-Image", 60.0, 0),
        BackendRoute(
            "openai-compatible", "openai-compatible", "http://127.0.0.1:8000/v1", "painter",
            response_format="png",
        ),
        BackendRoute(
            "bedrock", "bedrock", "us-west-2", "stability.stable-image-ultra-v1:1",
            upscaler=False, endpoint="https://vpce.example.com",
        ),
        BackendRoute("imagineart", "imagineart", "https://api.example.com/prod/v1", ""),
    )  # fmt: skip


def test_backends_of_one_kind_are_told_apart_by_number() -> None:
    routes = parse_routes(
        "sglang http://a/v1 m, bedrock us-west-2 m, sglang http://b/v1 m, sglang http://c/v1 m"
    )
    assert [each.name for each in routes] == ["sglang", "bedrock", "sglang-2", "sglang-3"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            ",",
            "got the kind ''; allowed are openai, vllm-omni, sglang, openai-compatible, bedrock, imagineart",
        ),
        ("dalle https://a m", "got the kind 'dalle'; allowed are"),
        ("openai https://a", "got '' after 'https://a'; allowed is one model"),
        ("openai https://a m n", "got 'm n' after 'https://a'; allowed is one model"),
        ("imagineart https://a/v1 m", "got 'm' after 'https://a/v1'; allowed is no model"),
        ("openai https://a m upscaler=on", "got the option 'upscaler'; allowed are attempt, retries"),
        ("sglang https://a m response_format=png", "got the option 'response_format'; allowed are"),
        ("openai https://a m attempt=0", "got '0'; allowed are whole numbers from 1 to 280"),
        ("openai https://a m attempt=281", "got '281'"),
        ("openai https://a m attempt=x", "got 'x'"),
        ("openai https://a m attempt=6 attempt=60", "allowed is each option once, with a value"),
        ("openai-compatible https://a m response_format=", "allowed is each option once, with a value"),
        ("openai https://a m retries=6", "got '6'; allowed are whole numbers from 0 to 5"),
        ("openai https://a m retries=\u00b2", "got '\u00b2'"),
        ("bedrock us-west-2 m upscaler=yes", "got upscaler=yes; allowed are on and off"),
        ("bedrock https://a m", "got 'https://a'; allowed is an AWS region, such as us-west-2"),
        ("bedrock us-west-2 m endpoint=nowhere", "got 'nowhere'; allowed is an http:// or https:// URL"),
        ("openai", "openai: got '' after ''; allowed is one model"),
    ],
)
def test_a_route_that_cannot_be_followed_is_named_with_what_is_allowed(text: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_routes(text)
    assert str(caught.value).startswith("IMAGINEART_BACKENDS: ")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "gpu.example.com", "ftp://gpu.example.com", "/v1", "http://", "http:///v1", "http://[nonsense/v1",
        "http://gpu.example.com:port", "http://gpu.example.com:99999", "http://gpu.example.com:0",
        "https://gpu.example.com/v1?key", "https://gpu.example.com/v1#there", "https://f\u00fcchse.example.com",
        "https://gpu.example.com/\x00", "https://gpu..example.com/v1", f"https://{'x' * 64}.example.com",
    ],
)  # fmt: skip
def test_what_is_no_url_of_a_backend_is_told_with_what_is_allowed(url: str) -> None:
    with pytest.raises(SettingsError, match=r"openai: got '.*'; allowed is an http"):
        parse_routes(f"openai {url} m")


@pytest.mark.parametrize("url", ["http://[::1]:8000", "http://127.0.0.1:8000/v1", "https://gpu.example.com"])
def test_what_is_a_url_is_taken(url: str) -> None:
    assert parse_routes(f"openai {url} m")[0].where == url


def test_a_password_in_a_url_is_refused_and_not_told() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_routes("openai https://operator:hunter2@gpu.example.com/v1 m")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_setting_that_is_missing_is_named(name: str, value: str | None) -> None:
    environment = {key: text for key, text in COMPLETE.items() if key != name}
    if value is not None:
        environment[name] = value
    with pytest.raises(SettingsError, match=name):
        BackendSettings.from_mapping(environment)

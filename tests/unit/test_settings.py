"""Settings that would fail at the first request stop the function's start instead."""

import pytest

from imagineart.settings import BackendSettings, SettingsError

COMPLETE = {
    "IMAGINEART_BACKEND_URL": "https://gpu.example.com/v1",
    "IMAGINEART_BACKEND_GENERATION_MODEL": "imagine-2",
    "IMAGINEART_BACKEND_EDIT_MODEL": "imagine-2-edit",
    "IMAGINEART_BACKEND_CREDENTIAL_SECRET": "backend-credential",
    "IMAGINEART_BACKEND_RESPONSE_FORMAT": "b64_json",
}


@pytest.mark.parametrize(
    ("given", "base_url"),
    [
        ("https://gpu.example.com/v1", "https://gpu.example.com/v1"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("  https://gpu.example.com  ", "https://gpu.example.com"),
    ],
)
def test_a_backend_is_named_by_its_url(given: str, base_url: str) -> None:
    settings = BackendSettings.from_mapping(COMPLETE | {"IMAGINEART_BACKEND_URL": given})
    assert settings.base_url == base_url


@pytest.mark.parametrize(
    "url",
    [
        "gpu.example.com", "ftp://gpu.example.com", "/v1", "http://", "http:///v1", "http://[nonsense/v1",
        "http://gpu.example.com:port", "http://gpu.example.com:99999", "http://gpu.example.com:0",
        "https://gpu.example.com/v1?key=1", "https://gpu.example.com/v1#there", "https://füchse.example.com",
        "https://gpu.example.com/v 1", "https://gpu.example.com/\x00",
    ],
)  # fmt: skip
def test_what_is_no_url_of_a_backend_is_named_with_what_is_allowed(url: str) -> None:
    with pytest.raises(SettingsError, match=r"IMAGINEART_BACKEND_URL: got '.*'; allowed is an http"):
        BackendSettings.from_mapping(COMPLETE | {"IMAGINEART_BACKEND_URL": url})


def test_a_password_in_a_url_is_refused_and_not_told() -> None:
    url = "https://operator:hunter2@gpu.example.com/v1"
    with pytest.raises(SettingsError) as caught:
        BackendSettings.from_mapping(COMPLETE | {"IMAGINEART_BACKEND_URL": url})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_setting_that_is_missing_is_named(name: str, value: str | None) -> None:
    environment = {key: text for key, text in COMPLETE.items() if key != name}
    if value is not None:
        environment[name] = value
    with pytest.raises(SettingsError, match=name):
        BackendSettings.from_mapping(environment)

"""Settings that would fail at the first request stop the function's start instead."""

import pytest

from imagineart.settings import BackendSettings, SettingsError

COMPLETE = {
    "IMAGINEART_BACKENDS": "vllm-omni https://gpu.example.com/v1 Qwen/Qwen-Image",
    "IMAGINEART_BACKEND_CREDENTIAL_SECRET": "backend-keys",
}


@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_setting_that_is_missing_is_named(name: str, value: str | None) -> None:
    environment = {key: text for key, text in COMPLETE.items() if key != name}
    if value is not None:
        environment[name] = value
    with pytest.raises(SettingsError, match=name):
        BackendSettings.from_mapping(environment)

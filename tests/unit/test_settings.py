"""Settings that would fail at the first request stop the function's start instead."""

import pytest

from imagineart.settings import (
    AccessSettings,
    BackendSettings,
    IdempotencySettings,
    LogSettings,
    MetricsSettings,
    SettingsError,
    TokenReviewSettings,
    UploadSettings,
)

ACCESS = {
    "IMAGINEART_TOKENS_TABLE": "tokens",
    "IMAGINEART_CONSUMERS_TABLE": "consumers",
    "IMAGINEART_USAGE_TABLE": "usage",
    "IMAGINEART_PEPPER_SECRET": "pepper",
    "IMAGINEART_INTERNAL_TOKENS_SECRET": "internal",
}
ROUTES = "vllm-omni https://gpu.example.com/v1 Qwen/Qwen-Image"
COMPLETE = [
    (AccessSettings, ACCESS, AccessSettings("tokens", "consumers", "usage", "pepper", "internal")),
    (
        TokenReviewSettings,
        {name: ACCESS[name] for name in ("IMAGINEART_TOKENS_TABLE", "IMAGINEART_INTERNAL_TOKENS_SECRET")},
        TokenReviewSettings("tokens", "internal"),
    ),
    (
        BackendSettings,
        {"IMAGINEART_BACKENDS": ROUTES, "IMAGINEART_BACKEND_CREDENTIAL_SECRET": "keys"},
        BackendSettings(ROUTES, "keys"),
    ),
    (UploadSettings, {"IMAGINEART_UPLOADS_BUCKET": "uploads"}, UploadSettings("uploads")),
    (
        IdempotencySettings,
        {"IMAGINEART_IDEMPOTENCY_TABLE": "records", "IMAGINEART_IDEMPOTENCY_BUCKET": "responses"},
        IdempotencySettings("records", "responses"),
    ),
    (LogSettings, {"IMAGINEART_LOG_PROMPTS": "true"}, LogSettings(True)),
    (
        MetricsSettings,
        {"POWERTOOLS_METRICS_NAMESPACE": "ImagineArt/stack", "POWERTOOLS_SERVICE_NAME": "health"},
        MetricsSettings("ImagineArt/stack", "health", "$LATEST"),
    ),
]


@pytest.mark.parametrize(
    ("kind", "variables", "settings"), COMPLETE, ids=[each[0].__name__ for each in COMPLETE]
)
def test_settings_are_read_and_each_that_is_missing_is_named(kind, variables: dict, settings) -> None:
    assert kind.from_mapping(variables | {"ANOTHER": "variable"}) == settings
    for name in variables:
        for value in ({}, {name: ""}, {name: "  "}):
            incomplete = {each: text for each, text in variables.items() if each != name} | value
            with pytest.raises(SettingsError, match=f"^{name}: the setting is required"):
                kind.from_mapping(incomplete)


def test_metrics_have_the_version_of_the_function() -> None:
    variables = COMPLETE[-1][1] | {"AWS_LAMBDA_FUNCTION_VERSION": "7"}
    assert MetricsSettings.from_mapping(variables).version == "7"


@pytest.mark.parametrize("value", ["yes", "True", "1"])
def test_prompts_are_logged_or_not(value: str) -> None:
    assert LogSettings.from_mapping({"IMAGINEART_LOG_PROMPTS": "false"}) == LogSettings(False)
    with pytest.raises(SettingsError, match=f"^IMAGINEART_LOG_PROMPTS: got '{value}'; allowed: true, false"):
        LogSettings.from_mapping({"IMAGINEART_LOG_PROMPTS": value})

"""Settings that would fail at the first request stop the function's start instead."""

import pytest

from imagineart.settings import (
    AccessSettings,
    BackendSettings,
    FunctionSettings,
    MetricsSettings,
    SettingsError,
)

METRICS = {"POWERTOOLS_METRICS_NAMESPACE": "ImagineArt/stack", "POWERTOOLS_SERVICE_NAME": "list_models"}
TOKENS = {"IMAGINEART_TOKENS_TABLE": "tokens", "IMAGINEART_INTERNAL_TOKENS_SECRET": "internal"}
OTHERS = {
    "IMAGINEART_CONSUMERS_TABLE": "consumers",
    "IMAGINEART_USAGE_TABLE": "usage",
    "IMAGINEART_PEPPER_SECRET": "pepper",
}
UNUSED = (
    "consumers_table", "usage_table", "pepper_secret", "backends", "backend_credential_secret",
    "idempotency_table", "idempotency_bucket", "uploads_bucket",
)  # fmt: skip
BACKENDS = {"IMAGINEART_BACKENDS": "sglang http://a/v1 m", "IMAGINEART_BACKEND_CREDENTIAL_SECRET": "keys"}


@pytest.mark.parametrize(
    ("kind", "variables", "settings"),
    [
        (
            AccessSettings,
            TOKENS | OTHERS,
            AccessSettings("tokens", "consumers", "usage", "pepper", "internal"),
        ),
        (BackendSettings, BACKENDS, BackendSettings("sglang http://a/v1 m", "keys")),
        (MetricsSettings, METRICS, MetricsSettings("ImagineArt/stack", "list_models", "$LATEST")),
        (
            FunctionSettings,
            METRICS | TOKENS,
            FunctionSettings(
                MetricsSettings("ImagineArt/stack", "list_models", "$LATEST"),
                tokens_table="tokens",
                internal_tokens_secret="internal",
                **dict.fromkeys(UNUSED, ""),
                logs_prompts=False,
            ),
        ),
    ],
)  # fmt: skip
def test_settings_are_read_and_each_that_is_missing_is_named(kind, variables: dict, settings) -> None:
    assert kind.from_mapping(variables | {"ANOTHER": "variable"}) == settings
    for name in variables:
        for value in ({}, {name: "  "}):
            incomplete = {each: text for each, text in variables.items() if each != name} | value
            with pytest.raises(SettingsError, match=f"^{name}: the setting is required"):
                kind.from_mapping(incomplete)


def test_metrics_have_the_version_of_the_function() -> None:
    assert MetricsSettings.from_mapping(METRICS | {"AWS_LAMBDA_FUNCTION_VERSION": "7"}).version == "7"


@pytest.mark.parametrize(("value", "logs"), [("", False), ("false", False), ("true", True)])
def test_prompts_are_logged_only_if_the_operator_says_so(value: str, logs: bool) -> None:
    variables = METRICS | TOKENS | {"IMAGINEART_LOG_PROMPTS": value}
    assert FunctionSettings.from_mapping(variables).logs_prompts is logs


def test_another_value_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(SettingsError, match=r"^IMAGINEART_LOG_PROMPTS: got 'yes'; allowed: true, false\."):
        FunctionSettings.from_mapping(METRICS | TOKENS | {"IMAGINEART_LOG_PROMPTS": "yes"})

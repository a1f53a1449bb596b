"""Settings are read from variables; what is missing or wrong is named."""

import pytest

from imagineart.settings import AccessSettings, FunctionSettings, SettingsError

EVERY_FUNCTION = {
    "POWERTOOLS_METRICS_NAMESPACE": "ImagineArt/test",
    "POWERTOOLS_SERVICE_NAME": "list_models",
}
ACCESS = {
    "IMAGINEART_TOKENS_TABLE": "tokens",
    "IMAGINEART_CONSUMERS_TABLE": "consumers",
    "IMAGINEART_MODELS_TABLE": "models",
    "IMAGINEART_USAGE_TABLE": "usage",
    "IMAGINEART_PEPPER_SECRET": "pepper",
    "IMAGINEART_INTERNAL_TOKENS_SECRET": "internal",
    "IMAGINEART_ACCOUNTS_TABLE": "accounts",
    "IMAGINEART_CREDITS_TABLE": "credits",
    "IMAGINEART_SESSION_SECRET": "sessions",
    "IMAGINEART_WEBHOOKS_TABLE": "webhooks",
    "IMAGINEART_WEBHOOKS_QUEUE": "https://queue.example.com/webhooks",
    "IMAGINEART_WEBHOOK_SECRET": "webhook",
}


def test_a_function_reads_what_it_uses_and_needs_nothing_else() -> None:
    settings = FunctionSettings.from_mapping(EVERY_FUNCTION | {"IMAGINEART_UPLOADS_BUCKET": " uploads "})
    assert (settings.uploads_bucket, settings.jobs.results_bucket) == ("uploads", "")
    assert (settings.metrics.service, settings.metrics.version) == ("list_models", "$LATEST")
    assert not settings.logs_prompts


@pytest.mark.parametrize("name", EVERY_FUNCTION)
def test_a_variable_that_every_function_needs_is_named_when_it_is_missing(name: str) -> None:
    for variables in (EVERY_FUNCTION | {name: " "}, {k: v for k, v in EVERY_FUNCTION.items() if k != name}):
        with pytest.raises(SettingsError, match=f"^{name}: the setting is required and is not set.$"):
            FunctionSettings.from_mapping(variables)


@pytest.mark.parametrize("name", ACCESS)
def test_the_command_line_needs_every_store(name: str) -> None:
    assert AccessSettings.from_mapping(ACCESS).usage_table == "usage"
    with pytest.raises(SettingsError, match=f"^{name}: "):
        AccessSettings.from_mapping(ACCESS | {name: ""})


def test_prompts_are_logged_only_where_that_is_spelt_out() -> None:
    assert FunctionSettings.from_mapping(EVERY_FUNCTION | {"IMAGINEART_LOG_PROMPTS": "true"}).logs_prompts
    with pytest.raises(SettingsError, match="LOG_PROMPTS: got 'yes'; allowed: true, false"):
        FunctionSettings.from_mapping(EVERY_FUNCTION | {"IMAGINEART_LOG_PROMPTS": "yes"})


def test_loopback_is_reached_only_where_that_is_spelt_out() -> None:
    name = "IMAGINEART_REACH_LOOPBACK"
    assert not AccessSettings.from_mapping(ACCESS).webhooks.reaches_loopback
    assert AccessSettings.from_mapping(ACCESS | {name: "true"}).webhooks.reaches_loopback
    with pytest.raises(SettingsError, match=f"^{name}: got '1'; allowed: true, false"):
        AccessSettings.from_mapping(ACCESS | {name: "1"})

"""The composition root stops a function that is configured wrongly, before it takes a request."""

import pytest

from imagineart.apis.imagineart.errors import error_response
from imagineart.apis.imagineart.generate_image import router
from imagineart.bootstrap import create_handler
from imagineart.bootstrap_workers import WorkerServices
from imagineart.settings import SettingsError
from tests.unit.test_settings import EVERY_FUNCTION


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"POWERTOOLS_SERVICE_NAME": ""}, "POWERTOOLS_SERVICE_NAME"),
        ({"IMAGINEART_LOG_PROMPTS": "maybe"}, "IMAGINEART_LOG_PROMPTS"),
    ],
)
def test_a_bad_setting_stops_the_start_and_is_named(changes: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        create_handler(EVERY_FUNCTION | changes, router, error_response)


@pytest.mark.parametrize(
    "name",
    [
        "JOBS_TABLE",
        "JOBS_QUEUE",
        "JOBS_BUCKET",
        "RESULTS_BUCKET",
        "CREDITS_TABLE",
        "WEBHOOKS_TABLE",
        "WEBHOOKS_QUEUE",
        "CONNECTIONS_TABLE",
        "WEBSOCKET_URL",
    ],
)
def test_a_worker_needs_the_stores_of_jobs_webhooks_and_connections(name: str) -> None:
    variables = {
        "POWERTOOLS_METRICS_NAMESPACE": "ImagineArt/test",
        "POWERTOOLS_SERVICE_NAME": "run_job",
        "IMAGINEART_JOBS_TABLE": "jobs",
        "IMAGINEART_JOBS_QUEUE": "https://queue",
        "IMAGINEART_JOBS_BUCKET": "bucket",
        "IMAGINEART_RESULTS_BUCKET": "results",
        "IMAGINEART_CREDITS_TABLE": "credits",
        "IMAGINEART_WEBHOOKS_TABLE": "webhooks",
        "IMAGINEART_WEBHOOKS_QUEUE": "https://webhooks",
        "IMAGINEART_CONNECTIONS_TABLE": "connections",
        "IMAGINEART_WEBSOCKET_URL": "wss://socket/v1",
    }
    assert WorkerServices(variables).run_job
    with pytest.raises(SettingsError, match=f"^IMAGINEART_{name}: "):
        WorkerServices(variables | {f"IMAGINEART_{name}": ""})

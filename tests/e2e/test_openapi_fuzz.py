"""A response to what openapi.yaml allows, and to much that it does not, is as openapi.yaml says."""

import os
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.rehearsal.end_to_end import TARGET_VARIABLE
from local.template import PROJECT
from tests.e2e.target import Target, bearer
from tests.processes import PATIENCE_SECONDS
from tests.sample_images import sample

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

LAB = "/imaginelab/api/v1"
PERSON = {"username": "fuzz@example.com", "password": "correct horse battery"}

schema = schemathesis.openapi.from_path(PROJECT / "openapi.yaml")
# The account is the one that the other requests need.
schema = schema.exclude(method="DELETE", path=f"{LAB}/auth/me")
# It spells out every value of every field, hundreds of requests that differ in little.
schema.config.phases.coverage.enabled = False


@pytest.fixture(scope="session")
def account_token(target: Target) -> str:
    """A session of an account with credits."""
    with httpx.Client(base_url=f"{target.base_url}{LAB}", timeout=PATIENCE_SECONDS) as client:
        client.post("/auth/signup", json={"email": PERSON["username"], "password": PERSON["password"]})
        target.succeed(f"credits grant {PERSON['username']} 1000 --reference fuzz")
        token: str = client.post("/auth/login", data=PERSON).json()["access_token"]
    return token


@schema.parametrize()
@settings(
    # Fewer in a rehearsal, where a request costs ten times as much.
    max_examples=3 if TARGET_VARIABLE in os.environ else 20,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_api_does_what_its_document_says(
    case: schemathesis.Case, target: Target, account_token: str
) -> None:
    if isinstance(case.body, dict):
        make_sense_of(case.body, is_form=case.media_type == "multipart/form-data")
    token = account_token if case.operation.path.startswith(LAB) else target.token
    headers = bearer(token) | {"X-API-Key": target.token}
    case.call_and_validate(base_url=target.base_url, headers=headers, checks=CHECKS, timeout=PATIENCE_SECONDS)


def make_sense_of(body: dict[str, Any], *, is_form: bool) -> None:
    """Send images where files are sent, no ratio or resolution that contradicts the size, a known model, and
    ask for none that is four times as large."""
    for name in ("high_res_results", "high_res_result"):
        body.pop(name, None)
    if is_form and isinstance(body.get("images"), list):
        body["images"] = [sample("png")] * len(body["images"])
    if "model_name" in body:
        body["model_name"] = "text-to-image"
    if "size" in body:
        body.pop("aspect_ratio", None)
        body.pop("resolution", None)

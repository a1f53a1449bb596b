"""Whatever openapi.yaml allows, and much that it does not, is answered as openapi.yaml says."""

import os

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.sample_pictures import sample

from local.rehearsal.end_to_end import TARGET_VARIABLE
from local.template import PROJECT
from tests.e2e.target import Target, bearer

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

schema = schemathesis.openapi.from_path(PROJECT / "openapi.yaml")


@schema.parametrize()
@settings(
    # Fewer where a request costs ten times as much: the breadth is for the local stack.
    max_examples=3 if TARGET_VARIABLE in os.environ else 8,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_api_keeps_to_its_document(case: schemathesis.Case, target: Target) -> None:
    put_pictures_in(case)
    case.call_and_validate(base_url=target.base_url, headers=bearer(target.token), checks=CHECKS, timeout=60)


def put_pictures_in(case: schemathesis.Case) -> None:
    """Replace generated files by pictures, which no generator comes upon by itself; JSON has none."""
    is_form = case.media_type == "multipart/form-data"
    if is_form and isinstance(case.body, dict) and isinstance(case.body.get("images"), list):
        case.body["images"] = [sample("png")] * len(case.body["images"])

"""The base URL of a request is where its caller reached the API."""

from typing import Any

import pytest
from starlette.requests import Request

from imagineart.apis.common.call import Call, RequestRecord
from imagineart.apis.common.operation import Operation

RESOURCE = "/imagineo/v1/generations/{run_id}"
PATH = "/imagineo/v1/generations/gen_1"


@pytest.mark.parametrize(
    ("domain", "path", "base_url"),
    [
        ("a1.execute-api.us-east-1.amazonaws.com", f"/prod{PATH}", "https://a1.execute-api.us-east-1.amazonaws.com/prod"),
        ("api.example.com", PATH, "https://api.example.com"),
        ("api.example.com", f"/images{PATH}/", "https://api.example.com/images"),
        ("localhost.example.com", PATH, "https://localhost.example.com"),
        ("127.0.0.1:8080", PATH, "http://127.0.0.1:8080"),
        ("localhost:8080", PATH, "http://localhost:8080"),
    ],
)  # fmt: skip
def test_it_has_the_stage_or_the_base_path_and_tls_unless_it_is_local(
    domain: str, path: str, base_url: str
) -> None:
    event = {"resource": RESOURCE, "requestContext": {"domainName": domain, "path": path}}
    services: Any = None
    request = Request({"type": "http", "headers": [], "aws.event": event})
    call = Call(request, Operation("an-operation", None), services, RequestRecord({}, {}))
    assert call.base_url == base_url

"""The key of a request: a bearer token in a header, or the first element of the array.

Without a header, no more of the body is decoded and parsed than an element of authentication can have.
"""

import json
from typing import Any, Final

import pybase64
from starlette.requests import Request

from imagineart.apis.common.authorization import header_token

TASK_TYPE: Final = "authentication"
_MAX_CHARACTERS: Final = 2048
"""A multiple of four, so that base64 can be cut there."""


def request_token(request: Request) -> str | None:
    """The key, or None where the request has none."""
    return header_token(request) or _first_key(request.scope["aws.event"])


def is_authentication(element: Any) -> bool:
    """Whether an element of the array is one of authentication."""
    return isinstance(element, dict) and element.get("taskType") == TASK_TYPE


def _first_key(event: dict[str, Any]) -> str | None:
    begin = (event.get("body") or "")[:_MAX_CHARACTERS]
    element: Any = None
    try:
        text = pybase64.b64decode(begin).decode(errors="ignore") if event.get("isBase64Encoded") else begin
        array = text.lstrip()
        if array.startswith("["):
            element, _ = json.JSONDecoder().raw_decode(array[1:].lstrip())
    except (ValueError, RecursionError):
        return None
    key = element.get("apiKey") if is_authentication(element) else None
    return key if isinstance(key, str) else None

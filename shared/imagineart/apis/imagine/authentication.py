"""The token of a request: in the header Authorization, or in Bearer, which PyPI ``imaginesdk`` sends."""

from typing import Final

from starlette.requests import Request

from imagineart.apis.common.authorization import header_token

BEARER_HEADER: Final = "Bearer"


def request_token(request: Request) -> str | None:
    """The token before the body is read, or None where neither header has one."""
    return header_token(request) or request.headers.get(BEARER_HEADER, "").strip() or None

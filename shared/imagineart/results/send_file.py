"""A finished file sent to a URL that its caller gave, as an upload to a storage that it owns."""

import asyncio
from typing import Final

from imagineart.errors import InvalidRequestError
from imagineart.outbound.addresses import parse_url
from imagineart.outbound.http import OutboundError, Sender

ATTEMPT_SECONDS: Final = 30.0
PAUSES_SECONDS: Final = (1.0, 3.0)
"""Before each attempt that follows one that failed."""

_RETRIED_STATUSES: Final = frozenset({408, 429, *range(500, 600)})


class UploadFailedError(InvalidRequestError):
    """The URL in `field` did not take the file."""

    code = "invalid_request"


async def send_file(http: Sender, url: str, content: bytes, *, media_type: str, field: str) -> None:
    """PUT a file, up to three times. Raises UploadFailedError, which has no part of the URL."""
    parsed = parse_url(field, url, allows_loopback=http.allows_loopback)
    for pause in (0.0, *PAUSES_SECONDS):
        await asyncio.sleep(pause)
        try:
            response = await http.send(
                "PUT", parsed, headers={"Content-Type": media_type}, content=content, seconds=ATTEMPT_SECONDS
            )
        except OutboundError as error:
            problem = str(error.failure)
            continue
        if 200 <= response.status < 300:
            return
        problem = f"status {response.status}"
        if response.status not in _RETRIED_STATUSES:
            break
    raise UploadFailedError(field, f"the URL did not take the image ({problem}).")

"""One response for each Idempotency-Key."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from imagineart.apis.common.call import Call
from imagineart.idempotency.model import StoredResponse, fingerprint
from imagineart.usage.model import REPLAYED

PATIENCE_SECONDS: Final = 20.0
"""How long a request waits for an earlier one with its key. Longer waits would fill the functions."""

REPLAYED_HEADER: Final = "Idempotent-Replayed"


async def respond_once(
    call: Call,
    fields: Mapping[str, str],
    make: Callable[[], Awaitable[StoredResponse]],
    *,
    files: Sequence[bytes | str] = (),
    response_type: str,
) -> StoredResponse:
    """The response of `make`; with an Idempotency-Key, that of the first request which had it.

    `fields` and `files` are what the request means, and `response_type` is what kind of response it asks for.
    Raises what `make` and `Idempotency.respond_once` raise.
    """
    key = call.idempotency_key
    if key is None:
        return await make()
    response, replayed = await call.services.idempotency.respond_once(
        call.consumer_id,
        key,
        fingerprint(key, call.operation.name, fields, files, response_type),
        make,
        lease_seconds=call.remaining_seconds,
        transfer_seconds=call.transfer_seconds,
        patience_seconds=min(PATIENCE_SECONDS, call.deadline_seconds()),
    )
    if replayed:
        call.record.outcome = REPLAYED
    return replace(response, headers={**response.headers, REPLAYED_HEADER: str(replayed).lower()})

"""What endpoints receive from the route class that authenticated the request."""

from typing import Annotated, TypeAlias

from fastapi import Depends
from starlette.requests import Request

from imagineart.apis.common.call import Call


# FastAPI runs a dependency that is not async in a thread, which it starts for each request.
async def _current_call(request: Request) -> Call:
    call: Call = request.state.call
    return call


CurrentCall: TypeAlias = Annotated[Call, Depends(_current_call)]
"""The authenticated request that the endpoint serves."""

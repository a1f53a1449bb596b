"""The caller of a few tasks, and what the transport that brought them can do."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from imagineart.access.admit import Admission
from imagineart.access.authenticate import Caller
from imagineart.access.tokens import Scope
from imagineart.apis.common.authorization import require_scope
from imagineart.apis.common.services import Services
from imagineart.backends.call_backends import MAX_AT_ONCE
from imagineart.usage.model import FinishedRequest

API: Final = "runware"
"""What jobs that this API accepted have as their API."""


@dataclass(frozen=True, slots=True)
class TaskContext:
    """Who asks for tasks, and how.

    `waits_for_images` is False where a transport cannot wait until images are made: each of its tasks then
    becomes a job. `deadline_seconds` is `Call.deadline_seconds`. `slots` bounds how many tasks make images at
    the same time, `places` how many images of all are made, and `finished` has each task whose images were
    made, or failed to be. The session of `session_id` gets the results of jobs.
    """

    services: Services
    caller: Caller
    admission: Admission
    request_id: str
    base_url: str
    remaining_seconds: Callable[[], float]
    deadline_seconds: Callable[..., float]
    waits_for_images: bool
    session_id: str | None = None
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_AT_ONCE))
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_AT_ONCE))
    finished: list[FinishedRequest] = field(default_factory=list)

    @property
    def consumer_id(self) -> str:
        """The authenticated consumer."""
        return self.admission.consumer.id

    def require(self, scope: Scope) -> None:
        """Raises MissingScopeError where the token was not issued for it."""
        require_scope(self.caller, scope)

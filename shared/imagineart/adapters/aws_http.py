"""Requests to AWS over kept connections, each within a deadline, and sent again after a passing fault.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from imagineart.adapters.deadline_http import Deadline, DeadlineHttpClient, HttpFailures
from imagineart.domain.errors import InternalError

MAX_ATTEMPTS: Final = 3
FIRST_PAUSE_SECONDS: Final = 0.05
_PASSING_STATUSES: Final = frozenset({500, 502, 503, 504})


class AwsCallError(InternalError):
    """An AWS service refused a call or could not be reached; `aws_code` is its error code, such as
    ``ResourceNotFoundException``, or ``Unreachable``. `answer` is what it said beside that.
    """

    def __init__(self, aws_code: str, *, detail: str, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail=f"{aws_code}: {detail}")
        self.aws_code = aws_code
        self.answer = answer or {}


_FAILURES: Final = HttpFailures(
    timeout=lambda seconds: AwsCallError("Unreachable", detail=f"no answer within {seconds:g} seconds"),
    unreachable=lambda detail: AwsCallError("Unreachable", detail=detail),
    broken=lambda detail: AwsCallError("Unreachable", detail=detail),
)


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """A signed request; `path` is percent-encoded. An attempt may take `attempt_seconds`."""

    method: str
    origin: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    attempt_seconds: float


@dataclass(frozen=True, slots=True)
class AwsAnswer:
    """An answer, of whose content no more was read than asked for."""

    status: int
    content: bytes


@dataclass(frozen=True, slots=True)
class AwsHttp:
    """Sends requests, from any number of threads, each over a connection of its own."""

    sleep: Callable[[float], None] = time.sleep
    _idle: defaultdict[str, list[DeadlineHttpClient]] = field(default_factory=lambda: defaultdict(list))

    def send(
        self,
        request: AwsRequest,
        *,
        limit_bytes: int,
        is_passing: Callable[[AwsAnswer], bool] = lambda _: False,
        within_seconds: float = math.inf,
    ) -> AwsAnswer:
        """The answer, or the first `limit_bytes` of it, after up to `MAX_ATTEMPTS` attempts in the time.

        `is_passing` tells which refusals may pass by themselves. Raises AwsCallError where there is none.
        """
        ends_at = time.monotonic() + within_seconds
        attempt = 1
        while True:
            attempt_seconds = min(request.attempt_seconds, ends_at - time.monotonic())
            pause = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)
            is_last = attempt == MAX_ATTEMPTS or time.monotonic() + pause >= ends_at
            try:
                answer = self._send_once(request, attempt_seconds, limit_bytes)
                if is_last or (answer.status not in _PASSING_STATUSES and not is_passing(answer)):
                    return answer
            except AwsCallError:
                if is_last or time.monotonic() + pause >= ends_at:
                    raise
            self.sleep(pause)
            attempt += 1

    def _send_once(self, request: AwsRequest, attempt_seconds: float, limit_bytes: int) -> AwsAnswer:
        idle = self._idle[request.origin]
        client = idle.pop() if idle else DeadlineHttpClient(request.origin, _FAILURES)
        try:
            deadline = Deadline.after(attempt_seconds)
            body = [request.body] if request.body else []
            with client.send(
                request.path, headers=request.headers, body=body, deadline=deadline, method=request.method
            ) as answer:
                pieces: list[bytes] = []
                read = 0
                for piece in answer.pieces():
                    pieces.append(piece)
                    read += len(piece)
                    if read >= limit_bytes:
                        break
                return AwsAnswer(answer.status, b"".join(pieces)[:limit_bytes])
        finally:
            idle.append(client)

"""Execution environments: as on Lambda, each runs one invocation at a time and more are started on demand."""

import asyncio
import collections
import contextlib
import importlib.util
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from lambda_response_streaming.response import FollowedResponse, StartedStream, StreamedResponse
from local.proxy_events import ACCOUNT_ID
from local.template import Function

Handler = Callable[[dict[str, Any], Any], Any]

MAX_ENVIRONMENTS_PER_FUNCTION: Final = 64
_FOLLOWING_SECONDS: Final = 60.0
_PROCESS_ENVIRONMENT: Final = threading.Lock()


class FunctionTimeoutError(Exception):
    """The function ran longer than its timeout; its environment is not used again."""


class IntegrationTimeoutError(Exception):
    """The caller's patience ended before the function's timeout; its environment is not used again."""


class FunctionCrashError(Exception):
    """The handler, or its module's start, raised."""


class TooManyEnvironmentsError(Exception):
    """Every environment the function may have is busy: Lambda throttles."""


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The context object of one invocation.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    function_name: str
    memory_limit_in_mb: int
    ends_at: float
    aws_request_id: str

    @property
    def invoked_function_arn(self) -> str:
        """An ARN in the shape of Lambda's."""
        return f"arn:aws:lambda:us-east-1:{ACCOUNT_ID}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout."""
        return max(0, int((self.ends_at - time.monotonic()) * 1000))


class ExecutionEnvironment:
    """One thread that loads a function's handler and runs its invocations one after another."""

    def __init__(self, function: Function, variables: Mapping[str, str]) -> None:
        self._function = function
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=function.id)
        self._handler = self._thread.submit(_load_handler, function, variables)

    def invoke(self, event: dict[str, Any], *, wait_seconds: float) -> Any:
        """The handler's return value, a `StreamedAnswer` where it streams.

        Raises FunctionTimeoutError after the function's timeout, IntegrationTimeoutError after
        `wait_seconds`, the caller's patience, if that is shorter; FunctionCrashError when the handler raises.
        """
        timeout_seconds = float(self._function.timeout_seconds)
        ends_at = time.monotonic() + timeout_seconds
        invocation = self._thread.submit(self._run, event, ends_at)
        try:
            returned = invocation.result(min(timeout_seconds, wait_seconds))
            if isinstance(returned, StartedStream):
                return StreamedAnswer(returned, self._thread, ends_at)
            return returned
        except TimeoutError as error:
            if invocation.done():
                raise FunctionCrashError(repr(error)) from error
            if wait_seconds < timeout_seconds:
                raise IntegrationTimeoutError(self._function.id) from error
            raise FunctionTimeoutError(self._function.id) from error
        except (Exception, SystemExit) as error:
            raise FunctionCrashError(repr(error)) from error

    def follow(self, afterwards: Callable[[], None], then: Callable[[], None]) -> None:
        """Have done what is to be done after an answer, and then say so."""
        self._thread.submit(afterwards).add_done_callback(lambda _: then())

    def close(self) -> None:
        """Let the thread end once it is idle, and its event loop with it."""
        self._thread.submit(_close_event_loop)
        self._thread.shutdown(wait=False)

    def _run(self, event: dict[str, Any], ends_at: float) -> Any:
        handler = self._handler.result()
        context = LambdaContext(self._function.id, self._function.memory_mb, ends_at, str(uuid.uuid4()))
        returned = handler(event, context)
        return StartedStream(returned) if isinstance(returned, StreamedResponse) else returned


class StreamedAnswer(Iterator[bytes]):
    """What a streaming function writes, in pieces, each produced in the environment's own thread.

    As on Lambda, the function runs to its end even where nobody reads on. `on_end` is called once, with
    whether the environment may be used again.
    """

    def __init__(self, stream: StartedStream, thread: ThreadPoolExecutor, ends_at: float) -> None:
        self.afterwards = stream.afterwards
        self._stream = stream
        self._thread = thread
        self._ends_at = ends_at
        self._is_over = False
        self.on_end: Callable[[bool], None] = lambda _: None

    def __next__(self) -> bytes:
        """The next piece. Raises FunctionTimeoutError and FunctionCrashError."""
        if self._is_over:
            raise StopIteration
        reading = self._thread.submit(lambda: bytes(next(self._stream, b"")))
        try:
            piece = reading.result(max(0.0, self._ends_at - time.monotonic()))
        except (Exception, SystemExit) as error:
            is_late = not reading.done()
            # Before the loop of an environment that is not used again is closed.
            self._thread.submit(self._stream.close)
            self._end(usable=not is_late and isinstance(error, Exception))
            if is_late:
                raise FunctionTimeoutError from error
            raise FunctionCrashError(repr(error)) from error
        if not piece:
            self._end(usable=True)
            raise StopIteration
        return piece

    def close(self) -> None:
        """Read no further."""
        if not self._is_over:
            self._thread.submit(collections.deque, self._stream, 0)
            self._end(usable=True)

    def _end(self, *, usable: bool) -> None:
        self._is_over = True
        self.on_end(usable)


class FunctionFleet:
    """The environments of one function: idle ones are used again, new ones are started up to a bound."""

    def __init__(
        self,
        function: Function,
        variables: Mapping[str, str],
        *,
        on_cold_start: Callable[[str], None] = lambda _: None,
        max_environments: int = MAX_ENVIRONMENTS_PER_FUNCTION,
    ) -> None:
        self._function = function
        self._variables = variables
        self._on_cold_start = on_cold_start
        self._max_environments = max_environments
        self._lock = threading.Lock()
        self._idle: list[ExecutionEnvironment] = []
        self._count = 0
        self._following = 0
        self._all_followed = threading.Condition(self._lock)
        self._is_closed = False

    def invoke(self, event: dict[str, Any], *, wait_seconds: float) -> Any:
        """Run one invocation. Raises TooManyEnvironmentsError and what `ExecutionEnvironment.invoke` does."""
        environment = self._take()
        try:
            answer = environment.invoke(event, wait_seconds=wait_seconds)
        except (FunctionTimeoutError, IntegrationTimeoutError, FunctionCrashError):
            self._give_back(environment, usable=False)
            raise
        if isinstance(answer, StreamedAnswer):
            answer.on_end = lambda usable: self._follow(environment, answer.afterwards, usable=usable)
        elif isinstance(answer, FollowedResponse):
            self._follow(environment, answer.afterwards, usable=True)
            return answer.response
        else:
            self._give_back(environment, usable=True)
        return answer

    def wait_until_idle(self) -> None:
        """Return when every environment has done what was to be done after its answers."""
        with self._lock:
            self._all_followed.wait_for(lambda: not self._following, _FOLLOWING_SECONDS)

    def close(self) -> None:
        """Let every idle environment end, and the others when they are."""
        with self._lock:
            self._is_closed = True
            for environment in self._idle:
                environment.close()
            self._count -= len(self._idle)
            self._idle.clear()

    def _follow(
        self, environment: ExecutionEnvironment, afterwards: Callable[[], None] | None, *, usable: bool
    ) -> None:
        """As on Lambda, an environment gets no other invocation before it has done what follows an answer."""

        if afterwards is None or not usable:
            self._give_back(environment, usable=usable)
            return

        def end() -> None:
            self._give_back(environment, usable=True)
            with self._lock:
                self._following -= 1
                self._all_followed.notify_all()

        with self._lock:
            self._following += 1
        environment.follow(afterwards, end)

    def _give_back(self, environment: ExecutionEnvironment, *, usable: bool) -> None:
        with self._lock:
            if usable and not self._is_closed:
                self._idle.append(environment)
            else:
                environment.close()
                self._count -= 1

    def _take(self) -> ExecutionEnvironment:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if self._count == self._max_environments:
                raise TooManyEnvironmentsError(self._function.id)
            self._count += 1
        self._on_cold_start(self._function.id)
        return ExecutionEnvironment(self._function, self._variables)


def _close_event_loop() -> None:
    """Close the loop that the handler keeps in this thread from one invocation to the next, if any."""
    with contextlib.suppress(RuntimeError):
        asyncio.get_event_loop().close()


def _load_handler(function: Function, variables: Mapping[str, str]) -> Handler:
    """A fresh instance of the handler's module, run with `variables` as the process environment."""
    module_name, _, attribute = function.handler.rpartition(".")
    source = function.code / f"{module_name}.py"
    name = f"local_environment_{function.id}_{uuid.uuid4().hex}"
    spec = importlib.util.spec_from_file_location(name, source)
    if spec is None or spec.loader is None:
        raise FunctionCrashError(f"no module at {source}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _PROCESS_ENVIRONMENT:
        kept = dict(os.environ)
        os.environ.update(variables)
        try:
            spec.loader.exec_module(module)
        finally:
            os.environ.clear()
            os.environ.update(kept)
    handler: Handler = getattr(module, attribute)
    return handler

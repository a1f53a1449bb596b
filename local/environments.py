"""Execution environments: as on Lambda, each runs one invocation at a time, and more start on demand."""

import asyncio
import collections
import importlib.util
import itertools
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from lambda_response_streaming.response import StreamedResponse
from local.proxy_events import ACCOUNT_ID, BodyStream
from local.template import Function

MAX_ENVIRONMENTS_PER_FUNCTION: Final = 64

_process_environment: Final = threading.Lock()


class FunctionTimeoutError(Exception):
    """The function ran longer than its timeout; its environment is not used again."""


class IntegrationTimeoutError(Exception):
    """The gateway's timeout ended before the function's; the environment is not used again."""


class FunctionCrashError(Exception):
    """The handler or its module raised."""


class TooManyEnvironmentsError(Exception):
    """Every environment that the function may have is busy; Lambda throttles."""


class LambdaContext:
    """The context of an invocation: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    def __init__(self, function: Function, ends_at: float) -> None:
        self.function_name = function.id
        self.memory_limit_in_mb = function.memory_mb
        self.invoked_function_arn = f"arn:aws:lambda:us-east-1:{ACCOUNT_ID}:function:{function.id}"
        self.aws_request_id = str(uuid.uuid4())
        self._ends_at = ends_at

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout."""
        return max(0, int((self._ends_at - time.monotonic()) * 1000))


class ExecutionEnvironment:
    """A handler and the one thread that always runs it, since a handler keeps an event loop in its thread."""

    def __init__(self, function: Function, variables: Mapping[str, str]) -> None:
        self._function = function
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=function.id)
        self._handler = self._thread.submit(load_handler, function, variables)
        self.start = self._thread.submit

    def run(self, work: Callable[[], Any], ends_at: float) -> Any:
        """What `work` returns in the thread. Raises FunctionCrashError and FunctionTimeoutError."""
        job = self.start(work)
        try:
            return job.result(max(0.0, ends_at - time.monotonic()))
        except (Exception, SystemExit) as error:
            if isinstance(error, TimeoutError) and not job.done():
                raise FunctionTimeoutError(self._function.id) from error
            raise FunctionCrashError(repr(error)) from error

    def call(self, event: dict[str, Any], ends_at: float) -> Any:
        """What the handler returns; to be run in the thread."""
        return self._handler.result()(event, LambdaContext(self._function, ends_at))

    def close(self) -> None:
        """Let the thread end when it is idle, and its event loop with it."""
        self.start(lambda: asyncio.get_event_loop().close())
        self._thread.shutdown(wait=False)


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
        self._is_closed = False

    def invoke(self, event: dict[str, Any], *, wait_seconds: float) -> Any:
        """The handler's return value, a `BodyStream` for a streamed response.

        Raises TooManyEnvironmentsError, FunctionCrashError, FunctionTimeoutError, and IntegrationTimeoutError
        after `wait_seconds` if they are shorter than the function's timeout.
        """
        environment, started = self._take(), time.monotonic()
        ends_at = started + self._function.timeout_seconds
        try:
            work = partial(environment.call, event, ends_at)
            returned = environment.run(work, min(ends_at, started + wait_seconds))
        except (FunctionCrashError, FunctionTimeoutError) as error:
            self._give_back(environment, is_usable=False)
            if isinstance(error, FunctionTimeoutError) and wait_seconds < self._function.timeout_seconds:
                raise IntegrationTimeoutError(self._function.id) from error
            raise
        if isinstance(returned, StreamedResponse):
            stream = self._stream(environment, returned, ends_at)
            return BodyStream(next(stream), stream)
        self._give_back(environment, is_usable=True)
        return returned

    def close(self) -> None:
        """Let every idle environment end, and the others when they are."""
        with self._lock:
            self._is_closed = True
            for environment in self._idle:
                environment.close()
            self._count -= len(self._idle)
            self._idle.clear()

    def _stream(
        self, environment: ExecutionEnvironment, response: StreamedResponse, ends_at: float
    ) -> Iterator[bytes]:
        """The prelude with the first piece of the body, then every other piece when it is asked for.

        If nobody reads to the end, the function runs to its end all the same, as on Lambda.
        """
        pieces, is_usable = filter(len, response.pieces()), True

        def read(count: int) -> bytes:
            return b"".join(itertools.islice(pieces, count))

        try:
            yield environment.run(partial(read, 2), ends_at)
            while piece := environment.run(partial(read, 1), ends_at):
                yield piece
        except GeneratorExit:
            environment.start(collections.deque, pieces, 0)
        except FunctionTimeoutError:
            is_usable = False
            raise
        except FunctionCrashError as error:
            is_usable = isinstance(error.__cause__, Exception)
            raise
        finally:
            self._give_back(environment, is_usable=is_usable)

    def _take(self) -> ExecutionEnvironment:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if self._count == self._max_environments:
                raise TooManyEnvironmentsError(self._function.id)
            self._count += 1
        self._on_cold_start(self._function.id)
        return ExecutionEnvironment(self._function, self._variables)

    def _give_back(self, environment: ExecutionEnvironment, *, is_usable: bool) -> None:
        with self._lock:
            if is_usable and not self._is_closed:
                self._idle.append(environment)
            else:
                environment.close()
                self._count -= 1


def load_handler(function: Function, variables: Mapping[str, str]) -> Callable[[dict[str, Any], Any], Any]:
    """The handler of a fresh instance of its module, which starts with `variables` in its environment."""
    module_name, _, attribute = function.handler.rpartition(".")
    name = f"local_environment_{function.id}_{uuid.uuid4().hex}"
    spec = importlib.util.spec_from_file_location(name, function.code / f"{module_name}.py")
    if spec is None or spec.loader is None:
        raise FunctionCrashError(f"{function.handler} is not in a Python module")
    # Not among sys.modules, which would keep every environment that has ended.
    module = importlib.util.module_from_spec(spec)
    with _process_environment:
        kept = dict(os.environ)
        os.environ.update(variables)
        try:
            spec.loader.exec_module(module)
        finally:
            os.environ.clear()
            os.environ.update(kept)
    handler: Callable[[dict[str, Any], Any], Any] = getattr(module, attribute)
    return handler

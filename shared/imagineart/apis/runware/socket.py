"""The messages of WebSocket connections: authentication, pings and tasks.

Nothing is written for a connection before it authenticates. Each message finds its token again by its id, so
that the end of a token ends what its connections may do (docs/decisions/0026).
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from imagineart.access.authenticate import Caller
from imagineart.apis.common.services import Services
from imagineart.apis.runware.authentication import TASK_TYPE, is_authentication
from imagineart.apis.runware.context import TaskContext
from imagineart.apis.runware.errors import RefusedTaskError
from imagineart.apis.runware.reading import read_array
from imagineart.apis.runware.run_tasks import MAX_TASKS, Reply, failed, run_tasks
from imagineart.apis.runware.socket_messages import messages_of
from imagineart.connections.connection_store import ConnectionStore
from imagineart.connections.model import Connection, Session, create_session_id, is_session_id
from imagineart.connections.send_messages import ConnectionGoneError, ManagementApi
from imagineart.errors import ImagineArtError, InternalError, ModelTimeoutError
from imagineart.usage.model import NO_RESOLUTION, OK, FinishedRequest

OPERATION: Final = "runware-tasks"
RESERVED_SECONDS: Final = 3.0
"""The part of the function's time that is kept for sending what responds to a message."""


class SocketServices(Services, Protocol):
    """What the WebSocket API needs beside what every API does."""

    base_url: str

    @property
    def connections(self) -> ConnectionStore: ...

    @property
    def management_api(self) -> ManagementApi: ...


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came; `remaining_seconds` is the time that the function has left."""

    connection_id: str
    text: str
    request_id: str
    remaining_seconds: Callable[[], float]

    def deadline_seconds(self, *, response_bytes: int = 0) -> float:
        """The time that the work may take, whatever its size: what is sent is small."""
        return max(0.0, self.remaining_seconds() - RESERVED_SECONDS)


async def handle_message(message: Message, services: SocketServices) -> None:
    """Send what responds to a message. Raises AwsCallError where it cannot be sent."""
    started, log = time.monotonic(), {"request_id": message.request_id}
    elements: list[Any] = [None]
    seconds = message.deadline_seconds()
    try:
        elements = _read(message)
        async with asyncio.timeout(seconds):
            replies = await _respond(message, elements, services, log)
    except TimeoutError:
        replies = _all_failed(ModelTimeoutError(deadline_seconds=seconds), elements)
    except ImagineArtError as error:
        replies = _all_failed(error, elements)
    except Exception as error:
        services.logger.exception("unexpected failure", request_id=message.request_id)
        replies = _all_failed(InternalError(detail=type(error).__name__), elements)
    _send(message, replies, services)
    _report(replies, services, log, seconds=time.monotonic() - started)


def _read(message: Message) -> list[Any]:
    elements = read_array(message.text.encode())
    if not 1 <= len(elements) <= MAX_TASKS:
        problem = f"got {len(elements)} tasks; allowed: 1 to {MAX_TASKS}."
        raise RefusedTaskError("invalidArrayLength", "body", problem)
    return elements


async def _respond(
    message: Message, elements: list[Any], services: SocketServices, log: dict[str, Any]
) -> list[Reply]:
    """What responds to the elements, beyond what is sent to authenticate."""
    if is_authentication(elements[0]):
        _authenticate(message, elements[0], services, log)
        del elements[0]
    if not elements:
        return []
    tasks = [each for each in elements if not _is_ping(each)]
    # However many pings, one message shows that the connection works.
    pongs = [Reply([{"taskType": "ping", "pong": True}])] if len(tasks) < len(elements) else []
    connection = services.connections.find(message.connection_id)
    if connection is None:
        if not tasks:
            # Another environment may be about to authenticate it: some clients do not wait for that.
            return pongs
        problem = f"the connection is not authenticated; send a task with the taskType '{TASK_TYPE}' first."
        raise RefusedTaskError("missingApiKey", "apiKey", problem)
    caller = services.authenticator.recall(connection.token_id)
    log.update(consumer=caller.consumer_id, token_id=caller.token_id)
    return pongs + (await _run(message, tasks, connection, caller, services) if tasks else [])


def _authenticate(
    message: Message, element: Mapping[str, Any], services: SocketServices, log: dict[str, Any]
) -> None:
    """Keep whose connection it is, and send that; then what could not be sent to its session before."""
    key, wanted = element.get("apiKey"), element.get("connectionSessionUUID")
    if not key or not isinstance(key, str):
        raise RefusedTaskError("missingApiKey", "apiKey", "the parameter is required; allowed: an API token.")
    # A WebSocket API has TLS alone.
    caller = services.authenticator.authenticate(key, sent_over_plain_http=False)
    log.update(consumer=caller.consumer_id, token_id=caller.token_id)
    session = _open_session(message, caller, wanted, services)
    _send(message, [Reply([{"taskType": TASK_TYPE, "connectionSessionUUID": session.id}])], services)
    if session.undelivered:
        services.push_job.resume(session)


def _open_session(message: Message, caller: Caller, wanted: Any, services: SocketServices) -> Session:
    """The session that the client resumes, unless it is another consumer's, or a new one."""
    ids = [wanted] if isinstance(wanted, str) and is_session_id(wanted) else []
    for session_id in [*ids, create_session_id(services.random_below)]:
        connection = Connection(message.connection_id, caller.consumer_id, caller.token_id, session_id)
        session = services.connections.add(connection, now=services.clock())
        if session is not None:
            return session
    raise InternalError(detail="a new session belongs to another consumer")


def _is_ping(element: Any) -> bool:
    return isinstance(element, dict) and element.get("taskType") == "ping" and element.get("ping") is True


async def _run(
    message: Message, tasks: list[Any], connection: Connection, caller: Caller, services: SocketServices
) -> list[Reply]:
    """Run tasks, which count as requests of the consumer."""
    started = time.monotonic()
    admission = services.limits.enter(caller.consumer_id, lease_seconds=None)
    context = TaskContext(
        services=services,
        caller=caller,
        admission=admission,
        request_id=message.request_id,
        base_url=services.base_url,
        remaining_seconds=message.remaining_seconds,
        deadline_seconds=message.deadline_seconds,
        waits_for_images=False,
        session_id=connection.session_id,
    )
    outcome = InternalError.code
    try:
        replies = await run_tasks(context, tasks)
        outcome = next((each.cause.code for each in replies if each.cause), OK)
    finally:
        finished = FinishedRequest(
            request_id=message.request_id,
            consumer_id=caller.consumer_id,
            operation=OPERATION,
            resolution=NO_RESOLUTION,
            outcome=outcome,
            images=0,
            seconds=time.monotonic() - started,
            finished_at=services.clock(),
        )
        services.settlement.settle(caller, admission, finished)
    return replies


def _all_failed(error: ImagineArtError, elements: list[Any]) -> list[Reply]:
    """Each element has the error, with the UUID of its task: a client may wait for any of them."""
    return [failed(error, element) for element in elements]


def _send(message: Message, replies: list[Reply], services: SocketServices) -> None:
    try:
        for text in messages_of(replies):
            services.management_api.send(message.connection_id, text)
    except ConnectionGoneError:
        # Nobody waits for a response any more; results are kept for the session.
        return


def _report(
    replies: list[Reply], services: SocketServices, log: Mapping[str, Any], *, seconds: float
) -> None:
    failures = [(each.cause, each.error) for each in replies if each.cause and each.error]
    codes = [error.code for _, error in failures]
    details = [cause.detail for cause, _ in failures if cause.detail]
    outcome = failures[0][0].code if failures else OK
    fields: dict[str, Any] = {"task_errors": codes, "detail": details} if failures else {}
    services.logger.info(
        "message", **log, **fields, tasks=len(replies), outcome=outcome, duration_ms=round(seconds * 1000)
    )
    services.metrics.request_finished(
        error_code=outcome if failures else None,
        is_server_error=any(error.status >= 500 for _, error in failures),
        seconds=seconds,
        seconds_by_stage={},
        images=0,
    )

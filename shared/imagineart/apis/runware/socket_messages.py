"""What is sent over a WebSocket connection: a message for each result, and one for the errors.

Results of jobs are URLs: a task that asks for anything else is refused, as an image has no room in a message.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from imagineart.apis.runware.errors import RefusedTaskError, TaskError
from imagineart.apis.runware.job_results import describe_image, error_of
from imagineart.apis.runware.run_tasks import Reply, failed
from imagineart.connections.model import MAX_MESSAGE_BYTES
from imagineart.jobs.model import Job


def messages_of(replies: Iterable[Reply]) -> Iterator[str]:
    """The messages of replies, with an error in place of a result that is larger than a message."""
    errors: list[TaskError] = []
    for reply in replies:
        for result in reply.data:
            message = json.dumps({"data": [result]})
            if len(message) <= MAX_MESSAGE_BYTES:
                yield message
            else:
                errors += _errors(_too_large(result))
        errors += _errors(reply)
    if errors:
        yield json.dumps({"errors": [error.document() for error in errors]})


def job_messages(job: Job) -> list[str]:
    """The messages about a task whose job has ended."""
    error = error_of(job)
    results = [describe_image(job, position) | {"status": "success"} for position in sorted(job.images)]
    return list(messages_of([Reply([], error) if error else Reply(results)]))


def _errors(reply: Reply) -> list[TaskError]:
    return [reply.error] if reply.error else []


def _too_large(result: Mapping[str, Any]) -> Reply:
    problem = (
        f"the result is larger than a message of a WebSocket, of {MAX_MESSAGE_BYTES} bytes; allowed: URL, or "
        "the same task over HTTP with another taskUUID."
    )
    return failed(RefusedTaskError("unsupportedOutputType", "outputType", problem), result)

"""POST /runware/v1: tasks over HTTP, as ``runware-sdk`` with its REST transport sends them."""

import asyncio
import json
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imagineart.access.tokens import Scope
from imagineart.apis.common.call import MAX_RESPONSE_BYTES, Call
from imagineart.apis.common.dependencies import CurrentCall
from imagineart.apis.common.operation import Operation
from imagineart.apis.common.route import authenticated
from imagineart.apis.runware.authentication import is_authentication, request_token
from imagineart.apis.runware.context import TaskContext
from imagineart.apis.runware.documentation import BODY, RESPONSES
from imagineart.apis.runware.errors import RefusedTaskError, failure_response
from imagineart.apis.runware.reading import read_array
from imagineart.apis.runware.run_tasks import Reply, failed, run_tasks
from imagineart.backends.call_backends import MAX_AT_ONCE

RUN_TASKS: Final = Operation(
    "runware-tasks", Scope.GENERATE_IMAGES, other_scope=Scope.EDIT_IMAGES, token_of=request_token
)

router: Final = APIRouter(route_class=authenticated(RUN_TASKS), tags=["Runware"])


@router.post(
    "/runware/v1",
    operation_id="run_tasks",
    summary="Run tasks",
    response_class=Response,
    responses=RESPONSES,
    openapi_extra={"requestBody": BODY},
)
async def run(request: Request, call: CurrentCall) -> Response:
    """Run the tasks of an array, as Runware's API does: docs/runware.md has their fields."""
    elements = read_array(await request.body())
    if len(elements) > 0 and is_authentication(elements[0]):
        elements = elements[1:]
        if not elements:
            return _json(b'{"taskType": "authentication"}')
    for each in elements:
        call.record_prompt(each.get("positivePrompt") if isinstance(each, dict) else None)
    context = task_context(call)
    replies = await run_tasks(context, elements)
    _record(call, context, replies)
    return _respond(call, elements, replies)


def task_context(call: Call) -> TaskContext:
    """The context of the tasks of a request."""
    if call.caller is None:
        raise LookupError("the request was not authenticated")
    limits = call.required_admission.consumer.limits
    return TaskContext(
        services=call.services,
        caller=call.caller,
        admission=call.required_admission,
        request_id=call.request_id,
        base_url=call.base_url,
        remaining_seconds=lambda: call.remaining_seconds,
        deadline_seconds=call.deadline_seconds,
        waits_for_images=True,
        # The tasks of one array wait for each other where the consumer has fewer slots.
        slots=asyncio.Semaphore(min(MAX_AT_ONCE, limits.concurrent_requests)),
    )


def _record(call: Call, context: TaskContext, replies: list[Reply]) -> None:
    record = call.record
    record.images_of_tasks = sum(each.images for each in context.finished)
    codes = [each.error.code for each in replies if each.error]
    record.log_fields.update(tasks=len(replies), images=record.images_of_tasks)
    if codes:
        details = [each.cause.detail for each in replies if each.cause and each.cause.detail]
        record.log_fields.update(task_errors=codes, task_details=details)


def _respond(call: Call, elements: list[Any], replies: list[Reply]) -> Response:
    parts, errors, size, first = [], [], 0, None
    for element, reply in zip(elements, replies, strict=True):
        part = b", ".join(json.dumps(each).encode() for each in reply.data)
        if size + len(part) > MAX_RESPONSE_BYTES:
            reply = failed(_too_large(), element)
        elif part:
            parts.append(part)
            size += len(part)
        if reply.error is not None:
            errors.append(reply.error)
            first = first or reply.cause
    if not errors:
        return _json(b", ".join(parts))
    if not parts:
        call.record.fail(first.code if first else "")
        return failure_response(errors, first, call.request_id)
    return _json(b", ".join(parts), json.dumps([each.document() for each in errors]).encode())


def _too_large() -> RefusedTaskError:
    return RefusedTaskError(
        "maxResponseSizeExceeded",
        "outputType",
        f"the results take more than {MAX_RESPONSE_BYTES // 1024**2} MB; allowed: outputType URL, or fewer "
        "results.",
    )


def _json(data: bytes, errors: bytes = b"") -> Response:
    """The key ``errors`` is there only where a task failed: clients take it for a failure of all."""
    tail = b', "errors": ' + errors if errors else b""
    return Response(b'{"data": [' + data + b"]" + tail + b"}", media_type="application/json")

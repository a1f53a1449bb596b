"""getResponse: how far a task is that became a job, and its results."""

from typing import Any

from imagineart.apis.runware.context import API, TaskContext
from imagineart.apis.runware.errors import FailedTaskError, RefusedTaskError
from imagineart.apis.runware.job_results import describe_job, error_of
from imagineart.apis.runware.reading import read_task
from imagineart.apis.runware.tasks import GetResponse
from imagineart.errors import UnknownRequestError
from imagineart.jobs.model import Job


async def get_response(context: TaskContext, element: Any) -> list[dict[str, Any]]:
    """The results of the task, each with its status. Raises FailedTaskError where it failed."""
    job = find_job(context, read_task(GetResponse, element).task_uuid)
    error = error_of(job)
    if error is not None:
        raise FailedTaskError(error)
    return await describe_job(job, context.services.results)


def find_job(context: TaskContext, task_uuid: str) -> Job:
    """The job of a task. Raises RefusedTaskError where there is none."""
    services = context.services
    key = services.named_jobs.find(context.consumer_id, task_uuid)
    try:
        if key is not None:
            return services.manage_jobs(API).find(context.consumer_id, key.id)
    except UnknownRequestError:
        # It is a moment too early, or 30 days too late.
        pass
    raise RefusedTaskError(
        "taskNotFound", "taskUUID", f"no asynchronous task of the last 30 days has the UUID '{task_uuid}'."
    )

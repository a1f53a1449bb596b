"""accountManagement, modelSearch and getTaskDetails: what a caller asks about itself and what is offered."""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from imagineart.apis.runware.context import TaskContext
from imagineart.apis.runware.get_response import find_job
from imagineart.apis.runware.image_request import air_of
from imagineart.apis.runware.job_results import describe_job, error_of, task_of
from imagineart.apis.runware.reading import read_task
from imagineart.apis.runware.tasks import AccountManagement, GetTaskDetails, ModelSearch
from imagineart.models.model import Model


async def manage_account(context: TaskContext, element: Any) -> list[dict[str, Any]]:
    """The caller's account, as far as there is one: its key, and no balance."""
    task = read_task(AccountManagement, element)
    consumer = context.admission.consumer
    key = {"name": context.caller.token_id, "apiKey": f"iart_{context.caller.token_id}_…", "enabled": True}
    return [
        {
            "taskType": task.task_type,
            "taskUUID": task.task_uuid,
            "operation": task.operation,
            "organizationUUID": str(uuid5(NAMESPACE_URL, f"imagineart consumer {consumer.id}")),
            "organizationName": consumer.id,
            "AIRSource": "imagineart",
            "balance": 0,
            "team": [],
            "apiKeys": [key],
        }
    ]


async def search_models(context: TaskContext, element: Any) -> list[dict[str, Any]]:
    """The models that the caller may use, by name; one element with all results of the page."""
    task = read_task(ModelSearch, element)
    may_use = context.admission.consumer.may_use
    offered = [each for each in context.services.models.current().image_models if may_use(each.id)]
    # Of models that share a name, the first one is shown.
    models = {air_of(each): each for each in reversed(offered)}
    wanted = (task.search or "").lower()
    found = [
        _described(air, model)
        for air, model in models.items()
        if wanted in f"{air} {model.id} {model.name}".lower() and task.admits_models
    ]
    if task.sort.lstrip("-") == "name":
        found.sort(key=lambda each: str(each["name"]), reverse=task.sort.startswith("-"))
    page = found[task.offset : task.offset + task.limit]
    return [
        {
            "taskType": task.task_type,
            "taskUUID": task.task_uuid,
            "results": page,
            "totalResults": len(found),
        }
    ]


def _described(air: str, model: Model) -> dict[str, Any]:
    return {
        "air": air,
        "name": model.name,
        "version": air.rpartition("@")[2],
        "category": "checkpoint",
        "architecture": "imagineart",
        "tags": [model.modality],
        "private": False,
    }


async def describe_task(context: TaskContext, element: Any) -> list[dict[str, Any]]:
    """What a task that became a job asked for, and its response. Raises RefusedTaskError."""
    task = read_task(GetTaskDetails, element)
    job = find_job(context, task.task_uuid)
    request, shown, error = job.image_request, task_of(job), error_of(job)
    asked = {
        "taskType": "imageInference",
        "taskUUID": shown.task_uuid,
        "model": shown.model,
        "positivePrompt": request.prompt,
        "width": request.delivered_size.width,
        "height": request.delivered_size.height,
        "seed": request.seed,
        "numberResults": request.count,
        "outputType": shown.output_type,
    }
    response = (
        {"data": [], "errors": [error.document()]}
        if error
        else {"data": await describe_job(job, context.services.results)}
    )
    return [
        {"taskType": task.task_type, "taskUUID": task.task_uuid, "request": [asked], "response": response}
    ]

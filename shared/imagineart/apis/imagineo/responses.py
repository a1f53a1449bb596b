"""Generations and models as /imagineo/v1 shows them."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from imagineart.apis.imagineo.errors import public_code
from imagineart.idempotency.model import StoredResponse
from imagineart.jobs.model import Job, JobKey, JobState
from imagineart.models.model import OFFERED_SINCE, Model
from imagineart.results.model import result_path

_RUN_PREFIX: Final = "gen_"
_JOB_PREFIX: Final = "job_"


def run_id_of(key: JobKey) -> str:
    """What this API calls a job."""
    return _RUN_PREFIX + key.id.removeprefix(_JOB_PREFIX)


def job_id_of(run_id: str) -> str | None:
    """The job's own id, or None for what cannot be the id of a run."""
    return _JOB_PREFIX + run_id.removeprefix(_RUN_PREFIX) if run_id.startswith(_RUN_PREFIX) else None


def accepted_response(job: Job, *, estimated_seconds: int) -> StoredResponse:
    """The response to a generation that was accepted."""
    body = {"run_id": run_id_of(job.key), "status": str(job.state), "estimated_time": estimated_seconds}
    return StoredResponse({"Content-Type": "application/json"}, json.dumps(body).encode())


def describe_generation(job: Job, *, progress: int) -> dict[str, Any]:
    """A generation as its status is shown; the URL of its image once it is completed.

    Nothing in this API cancels a job, so that its states are those of the API.
    """
    described: dict[str, Any] = {
        "run_id": run_id_of(job.key),
        "status": str(job.state),
        "progress": progress,
    }
    if job.state is JobState.COMPLETED:
        described["image_url"] = job.base_url + result_path(job.images[0].result or "")
    if job.error is not None:
        described["error"] = {"code": public_code(job.error.code), "message": job.error.message}
    return described


def describe_model(model: Model) -> dict[str, str]:
    """A model as the list shows it."""
    created_at = datetime.fromtimestamp(OFFERED_SINCE, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": model.id,
        "name": model.name,
        "description": model.description or model.name,
        "created_at": created_at,
    }

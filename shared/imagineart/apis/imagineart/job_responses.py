"""Jobs as /v1 shows them."""

import json
from datetime import UTC, datetime
from typing import Any

import pybase64

from imagineart.errors import InvalidRequestError
from imagineart.idempotency.model import StoredResponse
from imagineart.jobs.model import KEPT_SECONDS, Job, JobState, is_job_id
from imagineart.jobs.report_job_end import Notice
from imagineart.quoting import shown
from imagineart.webhooks.model import standard_body


def accepted_response(job: Job) -> StoredResponse:
    """The response to a request that was accepted as a job. Source: RFC 7240, 4.1."""
    headers = {
        "Content-Type": "application/json",
        "Location": f"/v1/jobs/{job.key.id}",
        "Preference-Applied": "respond-async",
    }
    return StoredResponse(headers, json.dumps(describe_job(job)).encode())


def describe_job(job: Job) -> dict[str, Any]:
    """A job as ``GET /v1/jobs/{id}`` shows it; a time that is not known yet is null."""
    is_completed = job.state is JobState.COMPLETED
    return {
        "id": job.key.id,
        "object": "job",
        "status": str(job.state),
        "model": job.model_id,
        "created_at": _time(job.key.accepted_at),
        "started_at": _time(job.started_at),
        "ended_at": _time(job.ended_at),
        "expires_at": _time(job.key.accepted_at + KEPT_SECONDS),
        "progress": {"finished": len(job.images), "total": job.image_count},
        "attempts": job.attempts,
        "repeated_calls": job.repeated_calls,
        "images": [_describe_image(job, number) for number in sorted(job.images)] if is_completed else [],
        "error": {"code": job.error.code, "message": job.error.message} if job.error else None,
    }


def job_notices(job: Job, now: float) -> list[Notice]:
    """The webhook of a job that has ended."""
    type = f"job.{job.state}"
    return [Notice(job.key.id, type, standard_body(type, describe_job(job), now))]


def _describe_image(job: Job, number: int) -> dict[str, Any]:
    image = job.images[number]
    return {
        "url": f"/v1/jobs/{job.key.id}/images/{number}",
        "seed": image.seed,
        "size": str(image.size),
        "backend": image.backend,
    }


def describe_page(jobs: list[Job], *, has_more: bool) -> dict[str, Any]:
    """A page of jobs; its token, where there are more, leads to the next one."""
    token = pybase64.urlsafe_b64encode(jobs[-1].key.id.encode()).decode() if has_more else None
    return {"object": "list", "data": [describe_job(job) for job in jobs], "next_page_token": token}


def read_page_token(token: str) -> str:
    """The id before which a page begins. Raises InvalidRequestError."""
    try:
        job_id = pybase64.urlsafe_b64decode(token).decode()
    except ValueError:
        job_id = ""
    if not is_job_id(job_id):
        raise InvalidRequestError(
            "page_token", f"got {shown(token)}; allowed: the next_page_token of an earlier page."
        )
    return job_id


def _time(seconds: float | None) -> str | None:
    return (
        None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    )

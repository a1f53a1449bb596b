"""/v1/jobs: the jobs of a caller, their images, cancelling and deleting them."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from imagineart.apis.common.call import Call
from imagineart.apis.common.dependencies import CurrentCall
from imagineart.apis.common.route import authenticated
from imagineart.apis.common.validation import Fields, validate
from imagineart.apis.imagineart.job_documentation import (
    DELETED_RESPONSES,
    JOB_IMAGE_RESPONSES,
    JOB_PAGE_RESPONSES,
    JOB_RESPONSES,
    PAGE_PARAMETERS,
)
from imagineart.apis.imagineart.job_responses import describe_job, describe_page, read_page_token
from imagineart.apis.imagineart.operations import API, MANAGE_JOBS
from imagineart.jobs.manage_jobs import ManageJobs

router: Final = APIRouter(route_class=authenticated(MANAGE_JOBS), tags=["Jobs"])

JobId = Annotated[str, Path(examples=["job_0VgmOYqWefVKgh92NSUxWG"])]


class JobPageFields(Fields):
    """Which page of jobs."""

    limit: int = Field(20, ge=1, le=100)
    page_token: str = Field("", max_length=100)


async def _read_page(request: Request) -> JobPageFields:
    # As everywhere in /v1, a query that an endpoint does not know changes nothing.
    known = {
        name: value for name, value in request.query_params.items() if name in JobPageFields.model_fields
    }
    return validate(JobPageFields, known, is_json=False)


@router.get(
    "/v1/jobs",
    summary="List jobs",
    responses=JOB_PAGE_RESPONSES,
    openapi_extra={"parameters": PAGE_PARAMETERS},
)
async def list_jobs(page: Annotated[JobPageFields, Depends(_read_page)], call: CurrentCall) -> dict[str, Any]:
    """List the caller's jobs of the last 30 days, the newest first."""
    before = read_page_token(page.page_token) if page.page_token else None
    jobs, has_more = _jobs(call).list_jobs(call.consumer_id, before=before, limit=page.limit)
    return describe_page(jobs, has_more=has_more)


@router.get("/v1/jobs/{job_id}", summary="Get a job", responses=JOB_RESPONSES)
async def get_job(job_id: JobId, call: CurrentCall) -> dict[str, Any]:
    """Get a job: its status, its progress, and its images or why it failed."""
    return describe_job(_jobs(call).find(call.consumer_id, job_id))


@router.post("/v1/jobs/{job_id}/cancel", summary="Cancel a job", responses=JOB_RESPONSES)
async def cancel_job(job_id: JobId, call: CurrentCall) -> dict[str, Any]:
    """Cancel a job, unless it has ended. Images that are being made are counted, and nobody gets them."""
    return describe_job(_jobs(call).cancel(call.consumer_id, job_id))


@router.delete(
    "/v1/jobs/{job_id}",
    summary="Delete a job",
    status_code=204,
    response_class=Response,
    responses=DELETED_RESPONSES,
)
async def delete_job(job_id: JobId, call: CurrentCall) -> Response:
    """Delete a job and its images; one that has not ended is cancelled first."""
    _jobs(call).delete(call.consumer_id, job_id)
    return Response(status_code=204)


@router.get(
    "/v1/jobs/{job_id}/images/{number}",
    summary="Get an image of a job",
    response_class=Response,
    responses=JOB_IMAGE_RESPONSES,
)
async def get_job_image(
    job_id: JobId, number: Annotated[str, Path(examples=["0"])], call: CurrentCall
) -> Response:
    """Get an image of a completed job, in the format that was asked for; the numbers begin with 0."""
    content, media_type = await asyncio.to_thread(_jobs(call).image, call.consumer_id, job_id, number)
    return Response(content, media_type=media_type)


def _jobs(call: Call) -> ManageJobs:
    return call.services.manage_jobs(API)

"""What the OpenAPI document says of jobs."""

from typing import Any, Final

from imagineart.apis.common.documentation import Responses, header, json_response
from imagineart.apis.imagineart.documentation import ERROR_RESPONSES
from imagineart.images.kinds import JPEG, PNG, WEBP
from imagineart.jobs.model import JobState

_TEXT: Final = {"type": "string"}
_TIME: Final = {"type": ["string", "null"], "format": "date-time"}

JOB_SCHEMA: Final[dict[str, Any]] = {
    "title": "Job",
    "type": "object",
    "required": ["id", "object", "status", "model", "created_at", "progress", "images"],
    "properties": {
        "id": _TEXT,
        "object": {"type": "string", "enum": ["job"]},
        "status": {"type": "string", "enum": [str(state) for state in JobState]},
        "model": _TEXT,
        "created_at": _TIME,
        "started_at": _TIME,
        "ended_at": _TIME,
        "expires_at": {**_TIME, "description": "When the job and its images are deleted."},
        "progress": {
            "type": "object",
            "properties": {"finished": {"type": "integer"}, "total": {"type": "integer"}},
        },
        "attempts": {"type": "integer", "description": "How often the job was started, up to 3."},
        "repeated_calls": {
            "type": "integer",
            "description": "How often a backend may have been called again, after a worker crashed.",
        },
        "images": {
            "type": "array",
            "description": "The images of a completed job.",
            "items": {
                "type": "object",
                "properties": {
                    "url": {"type": "string", "description": "Where the image is, below the API's base URL."},
                    "seed": {"type": ["integer", "null"], "description": "Null where the model has none."},
                    "size": _TEXT,
                    "backend": _TEXT,
                },
            },
        },
        "error": {
            "type": ["object", "null"],
            "description": "Why the job failed, in the codes of the API's errors.",
            "properties": {"code": _TEXT, "message": _TEXT},
        },
    },
}
_EXAMPLE: Final[dict[str, Any]] = {
    "id": "job_0VgmOYqWefVKgh92NSUxWG",
    "object": "job",
    "status": "queued",
    "model": "text-to-image",
    "created_at": "2026-11-28T13:02:11.420+00:00",
    "expires_at": "2026-12-28T13:02:11.420+00:00",
    "progress": {"finished": 0, "total": 1},
    "attempts": 0,
    "repeated_calls": 0,
    "images": [],
}

ACCEPTED_RESPONSE: Final = json_response(
    "With `Prefer: respond-async`: the job that makes the images.",
    JOB_SCHEMA,
    status=202,
    headers={
        "Location": header("string", "Where the job is.", f"/v1/jobs/{_EXAMPLE['id']}"),
        "Preference-Applied": header("string", "Always respond-async.", "respond-async"),
    },
)
ACCEPTED_RESPONSE[202]["content"]["application/json"]["example"] = _EXAMPLE

JOB_RESPONSES: Final = ERROR_RESPONSES | json_response("The job.", JOB_SCHEMA)
JOB_PAGE_RESPONSES: Final = ERROR_RESPONSES | json_response(
    "A page of jobs, the newest first.",
    {
        "title": "JobPage",
        "type": "object",
        "required": ["object", "data", "next_page_token"],
        "properties": {
            "object": {"type": "string", "enum": ["list"]},
            "data": {"type": "array", "items": JOB_SCHEMA},
            "next_page_token": {"type": ["string", "null"], "description": "Null on the last page."},
        },
    },
)
DELETED_RESPONSES: Final[Responses] = ERROR_RESPONSES | {204: {"description": "The job is deleted."}}
JOB_IMAGE_RESPONSES: Final[Responses] = ERROR_RESPONSES | {
    200: {
        "description": "The image.",
        "content": {
            kind.media_type: {"schema": {"type": "string", "format": "binary"}} for kind in (PNG, JPEG, WEBP)
        },
    }
}

PAGE_PARAMETERS: Final[list[dict[str, Any]]] = [
    {
        "name": "limit",
        "in": "query",
        "description": "How many jobs a page has.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    },
    {
        "name": "page_token",
        "in": "query",
        "description": "The next_page_token of the page before.",
        "schema": {"type": "string"},
    },
]

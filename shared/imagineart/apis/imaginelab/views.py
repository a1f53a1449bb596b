"""Accounts and generations as ImagineLab's API shows them."""

from datetime import UTC, datetime
from typing import Any

from imagineart.accounts.model import Account
from imagineart.generations.model import Generation, GenerationStatus, GenerationType
from imagineart.jobs.model import Job
from imagineart.results.model import result_path


def describe_account(account: Account, *, credits: int) -> dict[str, Any]:
    """An account without its password; `credits` are those that it may spend."""
    return {
        "id": account.id,
        "email": account.email,
        "full_name": account.full_name,
        "is_active": True,
        "created_at": time_text(account.created_at),
        "credits": credits,
    }


def describe_generation(generation: Generation, account: Account) -> dict[str, Any]:
    """A generation; its outputs are there once it is completed."""
    job, order = generation.job, generation.order
    return {
        "id": generation.id,
        "user_id": account.id,
        "generation_type": str(order.type),
        "model_name": order.model_name,
        "prompt": job.request.prompt,
        "settings": dict(order.settings),
        "project_id": order.project_id,
        "status": str(generation.status),
        "credit_cost": order.credit_cost,
        "created_at": time_text(job.key.accepted_at),
        "outputs": _outputs(generation),
        "error_message": job.error.message if job.error else None,
    }


def _outputs(generation: Generation) -> list[dict[str, Any]]:
    if generation.status is not GenerationStatus.COMPLETED:
        return []
    job, kind = generation.job, generation.order.type
    created_at = time_text(job.ended_at or job.key.accepted_at)
    if job.media is not None and job.media.text is not None:
        return [{"id": 1, "type": str(kind), "text": job.media.text, "created_at": created_at}]
    if job.media is not None:
        return [_file(1, str(kind), job, job.media.result, created_at)]
    return [
        _file(position + 1, str(GenerationType.IMAGE), job, image.result or "", created_at)
        for position, image in sorted(job.images.items())
    ]


def _file(number: int, kind: str, job: Job, result: str, created_at: str) -> dict[str, Any]:
    return {
        "id": number,
        "type": kind,
        "url": job.base_url + result_path(result),
        "created_at": created_at,
    }


def time_text(seconds: float) -> str:
    """A time as ``2026-06-07T12:00:00Z``."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")

"""Jobs as items of DynamoDB."""

import json
from dataclasses import asdict, replace
from typing import Any

from imagineart.dynamodb import Item, number, text
from imagineart.images.kinds import INPUT_IMAGE_KINDS
from imagineart.images.model import ImageRequest, OutputFormat, ReferenceImage, Watermark
from imagineart.images.operations import ModelOperation
from imagineart.images.sizes import Size
from imagineart.jobs.model import KEPT_SECONDS, Job, JobError, JobKey, JobState, KeptImage
from imagineart.media.model import (
    KeptMedia,
    MediaRequest,
    Order,
    compact_json,
    request_from_fields,
    request_to_fields,
)

_KIND_BY_NAME = {kind.name: kind for kind in INPUT_IMAGE_KINDS}


def job_key(key: JobKey) -> Item:
    """The key of a job's item."""
    return {"consumer_id": text(key.consumer_id), "id": text(key.id)}


def new_job_item(job: Job, *, due_at: float) -> Item:
    """A job that nobody has claimed yet, without its key."""
    return {
        "api": text(job.api),
        "model": text(job.model_id),
        "resolution": text(job.resolution),
        "request": text(_request_to_json(job.request)),
        "base_url": text(job.base_url),
        **({"result_life": number(job.result_life_seconds)} if job.result_life_seconds else {}),
        "counted_images": number(job.counted_images),
        "state": text(job.state),
        "images": {"M": {}},
        "open": text("yes"),
        "due_at": number(due_at),
        "expires_at": number(int(job.key.accepted_at) + KEPT_SECONDS),
        **({"webhook_url": text(job.webhook_url)} if job.webhook_url else {}),
        **({"session_id": text(job.session_id)} if job.session_id else {}),
        **({"webhook": text("unsent")} if job.has_listener else {}),
        **({"upload_url": text(job.upload_url)} if job.upload_url else {}),
        **({"details": text(json.dumps(job.details))} if job.details else {}),
        **({"layout_model": text(job.layout_model)} if job.layout_model else {}),
    }


def job_from_item(item: Item) -> Job:
    """The job of an item."""
    return Job(
        key=key_from_item(item),
        api=item["api"]["S"],
        model_id=item["model"]["S"],
        resolution=item["resolution"]["S"],
        request=_request_from_json(item["request"]["S"]),
        base_url=item["base_url"]["S"],
        result_life_seconds=int(item["result_life"]["N"]) if "result_life" in item else None,
        counted_images=int(item["counted_images"]["N"]),
        state=JobState(item["state"]["S"]),
        messages=int(item.get("messages", {"N": "0"})["N"]),
        attempts=int(item.get("attempts", {"N": "0"})["N"]),
        attempt=item["attempt"]["S"] if "attempt" in item else None,
        lease_ends_at=_time(item, "lease_ends_at"),
        started_at=_time(item, "started_at"),
        ended_at=_time(item, "ended_at"),
        images={int(position): _image_from_json(each["S"]) for position, each in item["images"]["M"].items()},
        error=JobError(**json.loads(item["error"]["S"])) if "error" in item else None,
        webhook_url=item["webhook_url"]["S"] if "webhook_url" in item else None,
        session_id=item["session_id"]["S"] if "session_id" in item else None,
        upload_url=item["upload_url"]["S"] if "upload_url" in item else None,
        details=json.loads(item["details"]["S"]) if "details" in item else {},
        media=KeptMedia(**json.loads(item["media"]["S"])) if "media" in item else None,
        order=Order(**json.loads(item["ordered"]["S"])) if "ordered" in item else None,
        paused_until=_time(item, "paused_until") or 0.0,
        layout_model=item["layout_model"]["S"] if "layout_model" in item else None,
        layout=item["layout"]["S"] if "layout" in item else None,
    )


def key_from_item(item: Item) -> JobKey:
    """The key of the job of an item."""
    return JobKey(item["consumer_id"]["S"], item["id"]["S"])


def image_to_json(image: KeptImage) -> str:
    """A kept image as an item has it."""
    return json.dumps(
        {
            "size": [image.size.width, image.size.height],
            "seed": image.seed,
            "backend": image.backend,
            "backend_seconds": round(image.backend_seconds, 3),
            "attempt": image.attempt,
            "is_unsafe": image.is_unsafe,
            "result": image.result,
        }
    )


def _image_from_json(document: str) -> KeptImage:
    fields = json.loads(document)
    return KeptImage(**{**fields, "size": Size(*fields["size"])})


def _time(item: Item, name: str) -> float | None:
    return float(item[name]["N"]) if name in item else None


def _request_to_json(request: ImageRequest | MediaRequest) -> str:
    if not isinstance(request, ImageRequest):
        return compact_json(request_to_fields(request))
    delivered, watermark = request.delivered_as, request.watermark
    return json.dumps(
        {
            "prompt": request.prompt,
            "size": [request.size.width, request.size.height],
            "seed": request.seed,
            "operation": request.operation,
            "mask": request.mask is not None,
            "strength": request.strength,
            "reasoning": request.reasoning,
            "delivered_as": [delivered.width, delivered.height] if delivered else None,
            "count": request.count,
            "background": request.background,
            "moderation": request.moderation,
            "input_fidelity": request.input_fidelity,
            "negative_prompt": request.negative_prompt,
            "guidance": request.guidance,
            "steps": request.steps,
            "lora_weight": request.lora_weight,
            "output_format": [request.output_format.kind.name, request.output_format.quality],
            "watermark": asdict(replace(watermark, image=b"")) | {"image": ""} if watermark else None,
            "checks_content": request.checks_content,
            "references": [
                [each.kind.name, each.size.width, each.size.height] for each in request.references
            ],
        }
    )


def _request_from_json(document: str) -> ImageRequest | MediaRequest:
    fields: dict[str, Any] = json.loads(document)
    if "kind" in fields:
        return request_from_fields(fields)
    delivered, (output, quality) = fields["delivered_as"], fields["output_format"]
    return ImageRequest(
        **{
            **fields,
            "size": Size(*fields["size"]),
            "delivered_as": Size(*delivered) if delivered else None,
            "operation": ModelOperation(fields["operation"]),
            "mask": b"" if fields["mask"] else None,
            "watermark": Watermark(**fields["watermark"] | {"image": b""}) if fields["watermark"] else None,
            "output_format": OutputFormat(_KIND_BY_NAME[output], quality),
            "references": tuple(
                ReferenceImage(b"", _KIND_BY_NAME[kind], Size(width, height))
                for kind, width, height in fields["references"]
            ),
        }
    )

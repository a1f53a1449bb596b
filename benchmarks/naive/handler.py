"""The baseline: the same API as it is usually begun, one FastAPI application with everything at module level.

It works, and it is kept from being unfairly slow: routes are ``async def``, clients are built once, secrets
are cached, and a picture of the right size is handed on as the backend sent it, metadata and all.
"""

import base64
import hashlib
import hmac
import io
import json
import os
import random
import time
import uuid
from typing import Annotated, Any, Literal

import boto3
import httpx
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from fastapi import Depends, FastAPI, File, Form, Header, HTTPException, UploadFile
from fastapi.responses import Response
from mangum import Mangum
from PIL import Image, ImageOps
from pydantic import BaseModel

logger = Logger()
metrics = Metrics()
tracer = Tracer()
dynamodb = boto3.client("dynamodb")
secrets = parameters.SecretsProvider(boto3_client=boto3.client("secretsmanager"))
backend = httpx.AsyncClient(base_url=os.environ["NAIVE_BACKEND_URL"], timeout=25)
app = FastAPI(title="ImagineArt 2.0")

GenerationRatio = Literal[
    "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "4:5", "5:4", "3:1", "1:3", "4:1", "1:4"
]
EditRatio = Literal[
    "auto", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "4:5", "5:4", "3:1", "1:3"
]
Resolution = Literal["1K", "2K"]
Prompt = Annotated[str, Form(min_length=1, max_length=4000)]
Seed = Annotated[int, Form(ge=-1, le=2**63 - 1)]


class Model(BaseModel):
    """One model of the list."""

    id: str
    name: str
    modality: str
    parameters: dict[str, Any]


class ModelList(BaseModel):
    """The answer of GET /v1/models."""

    data: list[Model]


class Health(BaseModel):
    """The answer of GET /health."""

    ok: bool


async def authenticate(authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
    """The token's item: one read to find it, one write to count the request."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or token.count("_") != 2:
        raise HTTPException(401, "missing_bearer_token")
    _, token_id, secret = token.split("_")
    found = dynamodb.get_item(
        TableName=os.environ["IMAGINEART_TOKENS_TABLE"],
        Key={"key": {"S": f"token#{token_id}"}},
        ConsistentRead=True,
    )
    item = found.get("Item")
    peppers = json.loads(secrets.get(os.environ["IMAGINEART_PEPPER_SECRET"], max_age=300))
    pepper = peppers[item["pepper_version"]["S"]] if item else ""
    digest = hmac.new(pepper.encode(), secret[:43].encode(), hashlib.sha256).hexdigest()
    if not item or not hmac.compare_digest(digest, item["digest"]["S"]):
        raise HTTPException(401, "invalid_token")
    now = int(time.time())
    counted = dynamodb.update_item(
        TableName=os.environ["IMAGINEART_CONSUMERS_TABLE"],
        Key={"key": {"S": f"{item['consumer_id']['S']}#{now - now % 60}"}},
        UpdateExpression="SET expires_at = :expiry ADD requests :one",
        ExpressionAttributeValues={":one": {"N": "1"}, ":expiry": {"N": str(now + 3600)}},
        ReturnValues="UPDATED_NEW",
    )
    if int(counted["Attributes"]["requests"]["N"]) > int(item["requests_per_minute"]["N"]):
        raise HTTPException(429, "rate_limited")
    return item


Caller = Annotated[dict[str, Any], Depends(authenticate)]


@app.post("/v1/images/generations", response_class=Response)
async def generate_image(
    caller: Caller,
    prompt: Prompt,
    aspect_ratio: Annotated[GenerationRatio, Form()] = "1:1",
    resolution: Annotated[Resolution, Form()] = "2K",
    seed: Seed = -1,
    reasoning: Annotated[Literal["low", "high"], Form()] = "low",
) -> Response:
    """A picture from a text prompt."""
    width, height = pixel_size(aspect_ratio, resolution)
    chosen = seed if seed > 0 else random.randrange(1, 2**32)
    answer = await backend.post(
        "/images/generations",
        headers=backend_headers(),
        json={
            "model": os.environ["NAIVE_GENERATION_MODEL"],
            "prompt": prompt,
            "n": 1,
            "size": f"{width}x{height}",
            "seed": chosen,
            "reasoning": reasoning,
            "response_format": "b64_json",
        },
    )
    return picture_response(answer, width, height, chosen, caller)


@app.post("/v1/images/edits", response_class=Response)
async def edit_image(
    caller: Caller,
    prompt: Prompt,
    images: Annotated[list[UploadFile], File(min_length=1, max_length=4)],
    aspect_ratio: Annotated[EditRatio, Form()] = "auto",
    resolution: Annotated[Resolution, Form()] = "2K",
    seed: Seed = -1,
) -> Response:
    """A picture from reference images and an instruction."""
    references = [await upright_jpeg(image) for image in images]
    width, height = pixel_size("1:1" if aspect_ratio == "auto" else aspect_ratio, resolution)
    chosen = seed if seed > 0 else random.randrange(1, 2**32)
    answer = await backend.post(
        "/images/edits",
        headers=backend_headers(),
        data={
            "model": os.environ["NAIVE_EDIT_MODEL"],
            "prompt": prompt,
            "n": "1",
            "size": f"{width}x{height}",
            "seed": str(chosen),
            "response_format": "b64_json",
        },
        files=[("image", ("reference.jpg", content, "image/jpeg")) for content in references],
    )
    return picture_response(answer, width, height, chosen, caller)


@app.post("/v1/uploads")
async def request_upload(
    caller: Caller, content_type: Annotated[str, Form()], size: Annotated[int, Form(ge=1)]
) -> dict[str, str]:
    """A presigned upload to S3. Its client is made here: only this one endpoint is to bear its cost."""
    target = {
        "Bucket": os.environ["IMAGINEART_UPLOADS_BUCKET"],
        "Key": f"uploads/{caller['consumer_id']['S']}/{uuid.uuid4()}",
    }
    bound = {"ContentType": content_type, "ContentLength": size}
    url = boto3.client("s3").generate_presigned_url("put_object", Params={**target, **bound}, ExpiresIn=3600)
    return {"id": target["Key"], "url": url}


@app.get("/v1/models")
async def list_models(caller: Caller) -> ModelList:
    """The models a caller may use."""
    logger.info("models listed", consumer=caller["consumer_id"]["S"])
    ratios, resolutions = list(GenerationRatio.__args__), list(Resolution.__args__)
    sizes = {each: {ratio: pixel_size(ratio, each) for ratio in ratios} for each in resolutions}
    described = {
        "prompt": {"type": "string", "required": True, "min_length": 1, "max_length": 4000},
        "aspect_ratio": {"type": "string", "enum": ratios, "default": "1:1"},
        "resolution": {"type": "string", "enum": resolutions, "default": "2K", "sizes": sizes},
        "seed": {"type": "integer", "minimum": -1, "maximum": 2**63 - 1, "default": -1},
    }
    return ModelList(
        data=[
            Model(id="text-to-image", name="ImagineArt 2.0", modality="text-to-image", parameters=described),
            Model(
                id="image-edit", name="ImagineArt 2.0 Edit", modality="image-to-image", parameters=described
            ),
        ]
    )


@app.get("/health")
async def health() -> Health:
    """The liveness probe."""
    return Health(ok=True)


def backend_headers() -> dict[str, str]:
    """The backend's credential as a header."""
    document = json.loads(secrets.get(os.environ["IMAGINEART_BACKEND_CREDENTIAL_SECRET"], max_age=60))
    return {"Authorization": f"Bearer {document['api_key']}"}


def pixel_size(aspect_ratio: str, resolution: str) -> tuple[int, int]:
    """Width and height in pixels, at about 4.2 megapixels for 2K."""
    across, down = map(int, aspect_ratio.split(":"))
    unit = (4_194_304 / (across * down)) ** 0.5 / (1 if resolution == "2K" else 2)
    return round(across * unit), round(down * unit)


async def upright_jpeg(image: UploadFile) -> bytes:
    """An uploaded reference, turned as its EXIF says and without metadata."""
    target = io.BytesIO()
    opened = Image.open(io.BytesIO(await image.read()))
    ImageOps.exif_transpose(opened).convert("RGB").save(target, "JPEG", quality=95, subsampling=0)
    return target.getvalue()


def picture_response(
    answer: httpx.Response, width: int, height: int, seed: int, caller: dict[str, Any]
) -> Response:
    """The backend's picture, encoded anew only where it is no PNG of the size asked for."""
    answer.raise_for_status()
    content = base64.b64decode(answer.json()["data"][0]["b64_json"])
    image = Image.open(io.BytesIO(content))
    if image.format != "PNG" or image.size != (width, height):
        target = io.BytesIO()
        image.convert("RGB").resize((width, height)).save(target, "PNG")
        content = target.getvalue()
    metrics.add_metric("Pictures", MetricUnit.Count, 1)
    logger.info("picture made", consumer=caller["consumer_id"]["S"], seed=seed, image_bytes=len(content))
    return Response(content, media_type="image/png", headers={"X-Seed": str(seed)})


gateway = Mangum(app, lifespan="off")


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The Lambda handler."""
    return gateway(event, context)

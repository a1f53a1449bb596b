"""Image generation as it is usually begun on Lambda: all at module level, and nothing slow on purpose."""

import base64
import hashlib
import hmac
import io
import json
import os
import random
from typing import Annotated, Any, Literal

import boto3
import httpx
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from fastapi import Depends, FastAPI, Form, Header, HTTPException
from fastapi.responses import Response
from mangum import Mangum
from PIL import Image

logger, metrics, tracer = Logger(), Metrics(), Tracer()
dynamodb = boto3.client("dynamodb")
secrets = parameters.SecretsProvider(boto3_client=boto3.client("secretsmanager"))
backend = httpx.AsyncClient(base_url=os.environ["BACKEND_URL"], timeout=25)
app = FastAPI(title="ImagineArt 2.0")
gateway = Mangum(app, lifespan="off")


async def authenticate(authorization: Annotated[str, Header()]) -> str:
    _, token_id, secret = authorization.split("_")
    item = dynamodb.get_item(TableName="tokens", Key={"key": {"S": f"token#{token_id}"}})["Item"]
    pepper = json.loads(secrets.get("IMAGINEART_PEPPER_SECRET", max_age=300))["1"]
    digest = hmac.new(pepper.encode(), secret[:43].encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(digest, item["digest"]["S"]):
        raise HTTPException(401, "invalid_token")
    count = {"UpdateExpression": "ADD requests :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    dynamodb.update_item(TableName="consumers", Key={"key": item["consumer_id"]}, **count)
    return item["consumer_id"]["S"]


@app.post("/v1/images/generations", response_class=Response)
async def generate_image(
    caller: Annotated[str, Depends(authenticate)],
    prompt: Annotated[str, Form(min_length=1, max_length=4000)],
    resolution: Annotated[Literal["1K", "2K"], Form()] = "2K",
    seed: Annotated[int, Form(ge=-1, le=2**63 - 1)] = -1,
    reasoning: Annotated[Literal["low", "high"], Form()] = "low",
) -> Response:
    side, seed = 1024 if resolution == "1K" else 2048, seed if seed > 0 else random.randrange(1, 2**32)
    key = json.loads(secrets.get("IMAGINEART_BACKEND_CREDENTIAL_SECRET", max_age=60))["api_key"]
    headers = {"Authorization": f"Bearer {key}"}
    body = {"model": "fast", "prompt": prompt, "seed": seed, "size": f"{side}x{side}", "reasoning": reasoning}
    response = await backend.post("/images/generations", headers=headers, json=body)
    content = base64.b64decode(response.json()["data"][0]["b64_json"])
    if Image.open(io.BytesIO(content)).size != (side, side):
        raise HTTPException(502, "model_error")
    metrics.add_metric("Images", MetricUnit.Count, 1)
    logger.info("image made", consumer=caller, seed=seed, image_bytes=len(content))
    return Response(content, media_type="image/png", headers={"X-Seed": str(seed)})


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return gateway(event, context)

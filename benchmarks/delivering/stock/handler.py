"""The usual way of a picture from the backend to Lambda: read whole, then base64, through AWS's client."""

import base64
import os
from typing import Any

import httpx
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
from fastapi import FastAPI
from fastapi.responses import Response
from mangum import Mangum

app = FastAPI()
backend = httpx.Client(base_url=os.environ["DELIVERY_BACKEND_URL"], timeout=60)
runtime = LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])


@app.post("/v1/images/generations", response_class=Response)
async def answer(prompt: str) -> Response:
    """The backend's picture as it came."""
    order = {"prompt": prompt, "response_format": os.environ["DELIVERY_RESPONSE_FORMAT"]}
    received = backend.post("/images/generations", json=order)
    if received.headers["Content-Type"] == "image/png":
        png = received.content
    else:
        png = base64.b64decode(received.json()["data"][0]["b64_json"])
    return Response(png, media_type="image/png")


gateway = Mangum(app, lifespan="off")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Deliver, as AWS's bootstrap does with what a handler returns."""
    result, content_type = runtime.marshaller.marshal_response(gateway(event, context))
    runtime.post_invocation_result("1", result, content_type, "1")
    return {"statusCode": 200}

"""The least that one writes, for uvicorn and Lambda: FastAPI passes a request on and the response back."""

import os
from typing import Any

import httpx
from fastapi import FastAPI, Response
from mangum import Mangum

app = FastAPI()
backend = httpx.AsyncClient(base_url=os.environ["BACKEND_URL"], timeout=60)
handler = Mangum(app, lifespan="off")


@app.post("/v1/images/generations")
async def generate(request: dict[str, Any]) -> Response:
    response = await backend.post("/images/generations", json=request)
    return Response(response.content, media_type=response.headers["Content-Type"])

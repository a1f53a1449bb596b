"""The baseline's way from an event to a parsed form: FastAPI's form route behind Mangum as it comes."""

from typing import Annotated

from aws_lambda_powertools import Logger
from fastapi import FastAPI, File, Form, UploadFile
from fastapi.responses import Response
from mangum import Mangum

logger = Logger()
app = FastAPI()


@app.post("/v1/images/edits")
async def answer(prompt: Annotated[str, Form()], images: Annotated[list[UploadFile], File()]) -> Response:
    """How many bytes the files hold."""
    total = sum([len(await each.read()) for each in images])
    logger.info("request", prompt_characters=len(prompt))
    return Response(str(total), media_type="text/plain")


handler = Mangum(app, lifespan="off")

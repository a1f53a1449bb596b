"""The function under test: an ASGI application, in the process of a test or run by the real runtime."""

import asyncio
from pathlib import Path

from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from fastapi.sse import EventSourceResponse

from lambda_response_streaming import is_streaming
from lambda_response_streaming.asgi import StreamingHandler

app = FastAPI()
serve = StreamingHandler(app)
happened = []


@app.get("/numbers")
async def numbers(count: int = 3, fails_at: int = -1):
    async def pieces():
        try:
            for number in range(count):
                if number == fails_at:
                    raise LookupError("midway")
                happened.append(number)
                yield b"%d" % number
        finally:
            happened.append("closed")

    return StreamingResponse(pieces())


@app.get("/held")
async def held(gate: str):
    """The second piece is made when somebody has written to the named pipe."""

    async def pieces():
        yield b"first"
        await asyncio.to_thread(Path(gate).read_bytes)
        yield b"second"

    return StreamingResponse(pieces())


@app.get("/events", response_class=EventSourceResponse)
async def events():
    try:
        for number in range(3):
            yield {"number": number}
    finally:
        happened.append("closed")


@app.post("/echo")
async def echo(request: Request, body: dict):
    happened.extend([request.scope["aws.event"], request.scope["aws.context"]])
    return [request.query_params.getlist("q"), body]


@app.get("/background")
async def background(tasks: BackgroundTasks, fails: bool = False):
    tasks.add_task([].remove if fails else happened.append, "done")
    return Response(b"body")


@app.get("/fails")
async def fails():
    raise LookupError("in the endpoint")


def handler(event, context):
    """A streamed response to a request, and a buffered one to an event that asks what happened."""
    if event.get("asks") == "what happened":
        return {"is_streaming": is_streaming(), "last": happened[-1:]}
    return serve(event, context)

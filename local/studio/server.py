"""The studio's part of the painter's server, in the protocols of OpenAI and vLLM-Omni.

Sources: https://platform.openai.com/docs/api-reference and
https://docs.vllm.ai/projects/vllm-omni/en/stable/serving/
"""

import asyncio
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.studio.writing import write

MODEL: Final = "studio"
_MAX_VIDEOS: Final = 20
_busy: Final = CapacityLimiter(1)


class _Message(BaseModel):
    role: Literal["system", "user"]
    content: str


class _Chat(BaseModel):
    messages: Annotated[list[_Message], Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=1)] = 1_000


class _Speech(BaseModel):
    input: Annotated[str, Field(min_length=1, max_length=4_096)]
    voice: str
    response_format: Literal["mp3"] = "mp3"


class _Audio(BaseModel):
    input: Annotated[str, Field(min_length=1)]
    audio_length: Annotated[float, Field(gt=0, le=300)] = 10
    seed: int = 0
    response_format: Literal["mp3", "wav"] = "wav"


class _Film(BaseModel):
    prompt: Annotated[str, Field(min_length=1)]
    width: Annotated[int, Field(ge=64, le=4_096)]
    height: Annotated[int, Field(ge=64, le=4_096)]
    num_frames: Annotated[int, Field(ge=1, le=3_600)]
    fps: Annotated[int, Field(ge=1, le=60)]
    seed: int = 0


@dataclass
class _Video:
    status: Literal["queued", "in_progress", "completed", "failed"]
    content: bytes = b""


_videos: Final[OrderedDict[str, _Video]] = OrderedDict()
_filming: Final[set[asyncio.Task[None]]] = set()
"""Event loops hold tasks weakly."""


async def _chat(request: Request) -> Response:
    body = _Chat.model_validate_json(await request.body())
    message = {"role": "assistant", "content": write(body.messages[-1].content, body.max_tokens)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return JSONResponse({"object": "chat.completion", "model": MODEL, "choices": [choice]})


async def _speak(request: Request) -> Response:
    from local.studio.sounds import speak

    body = _Speech.model_validate_json(await request.body())
    content = await to_thread.run_sync(speak, body.input, body.voice, limiter=_busy)
    return Response(content, media_type="audio/mpeg")


async def _play(request: Request) -> Response:
    from local.studio.sounds import play

    body = _Audio.model_validate_json(await request.body())
    arguments = body.input, body.seed, body.audio_length, body.response_format
    content = await to_thread.run_sync(play, *arguments, limiter=_busy)
    return Response(content, media_type={"mp3": "audio/mpeg", "wav": "audio/wav"}[body.response_format])


async def _order(request: Request) -> Response:
    async with request.form() as form:
        body = _Film.model_validate(dict(form))
    video_id = f"video_{uuid.uuid4().hex}"
    _videos[video_id] = _Video("queued")
    while len(_videos) > _MAX_VIDEOS:
        _videos.popitem(last=False)
    task = asyncio.create_task(_film(_videos[video_id], body))
    _filming.add(task)
    task.add_done_callback(_filming.discard)
    return JSONResponse(_describe(video_id))


async def _film(video: _Video, body: _Film) -> None:
    from local.studio.clips import film

    video.status = "in_progress"
    seconds = max(1, round(body.num_frames / body.fps))
    try:
        arguments = body.prompt, body.seed, seconds, body.width, body.height
        video.content = await to_thread.run_sync(film, *arguments, limiter=_busy)
    except Exception:
        video.status = "failed"
        raise
    video.status = "completed"


async def _show(request: Request) -> Response:
    video_id = request.path_params["video_id"]
    return JSONResponse(_describe(video_id)) if video_id in _videos else _unknown()


async def _content(request: Request) -> Response:
    video = _videos.get(request.path_params["video_id"])
    return Response(video.content, media_type="video/mp4") if video and video.content else _unknown()


def _describe(video_id: str) -> dict[str, Any]:
    return {
        "id": video_id, "object": "video", "model": MODEL, "created_at": int(time.time()),
        "status": _videos[video_id].status,
    }  # fmt: skip


def _unknown() -> Response:
    return JSONResponse({"error": {"message": "no such video", "code": "not_found"}}, 404)


ROUTES: Final = [
    Route("/v1/chat/completions", _chat, methods=["POST"]),
    Route("/v1/audio/speech", _speak, methods=["POST"]),
    Route("/v1/audio/generate", _play, methods=["POST"]),
    Route("/v1/videos", _order, methods=["POST"]),
    Route("/v1/videos/{video_id}", _show),
    Route("/v1/videos/{video_id}/content", _content),
]

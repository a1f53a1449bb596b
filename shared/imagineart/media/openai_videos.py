"""Videos by OpenAI's protocol: an order is created, polled, and its content is fetched.

Sources: https://platform.openai.com/docs/api-reference/videos and
https://docs.vllm.ai/projects/vllm-omni/en/stable/serving/videos_api/
"""

import re
from dataclasses import dataclass
from typing import Final

from imagineart.backends.openai_errors import read_error
from imagineart.backends.responses import loggable, read_document
from imagineart.errors import InvalidRequestError, ModelError
from imagineart.media.engine import OrderFailedError
from imagineart.media.model import VideoRequest
from imagineart.media.openai_server import OpenAiServer

_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_IN_PROGRESS: Final = ("queued", "pending", "in_progress", "processing")


@dataclass(frozen=True, slots=True)
class VideosEngine:
    """A server of videos. `fps` is None for one that counts in seconds, and for vLLM-Omni frames a second."""

    server: OpenAiServer
    fps: int | None

    @property
    def place(self) -> str:
        """See `OrdersMedia`."""
        return f"{self.server.url} {self.server.model}"

    async def order(self, request: VideoRequest) -> str:
        """See `OrdersMedia`."""
        form = [(name, (None, value.encode(), None)) for name, value in self._fields(request).items()]
        document = read_document((await self.server.post_form("/videos", form)).content) or {}
        order_id = document.get("id")
        if not isinstance(order_id, str) or not _ID.fullmatch(order_id):
            raise ModelError(detail=f"the backend took an order and gave the id {loggable(order_id)}")
        return order_id

    async def fetch(self, order_id: str) -> bytes | None:
        """See `OrdersMedia`."""
        response = await self.server.get(f"/videos/{order_id}")
        document = read_document(response.content) or {}
        status = document.get("status")
        if status == "completed":
            return (await self.server.get(f"/videos/{order_id}/content")).content
        if status in _IN_PROGRESS:
            return None
        if status == "failed":
            error = read_error(response, document)
            if isinstance(error, InvalidRequestError):
                raise error
            raise OrderFailedError(detail=error.detail)
        detail = f"the order has the status {loggable(status)}"
        # Without a status, as in a page of a proxy, nothing is said of the order.
        raise OrderFailedError(detail=detail) if isinstance(status, str) else ModelError(detail=detail)

    def _fields(self, request: VideoRequest) -> dict[str, str]:
        if self.fps is None:
            return {"prompt": request.prompt, "seconds": str(request.seconds), "size": str(request.size)}
        return {
            "prompt": request.prompt,
            "width": str(request.size.width),
            "height": str(request.size.height),
            "num_frames": str(request.seconds * self.fps),
            "fps": str(self.fps),
            "seed": str(request.seed),
        }

"""A server of text, speech, music and videos on loopback, in the protocols of OpenAI, vLLM-Omni and AWS.

It checks what it is asked for as the documentation of each says, and remembers its videos.
"""

import re
from dataclasses import dataclass, replace

from tests.fault_backend import FaultBackend, RecordedRequest, Response, document, raw_image, refusal
from tests.sample_media import mp3, mp4, wav

TEXT = "A boat of \u00fcbermut."
_VIDEO = re.compile(r"/v1/videos/(video_\d+)(/content)?")


@dataclass
class Video:
    """A video that is finished at the third look at its status, or fails with `error`."""

    fields: dict[str, str]
    looks: int = 0


class MediaServer(FaultBackend):
    """The server; see `FaultBackend` for how it runs and fails."""

    def __init__(self) -> None:
        super().__init__()
        self.videos: dict[str, Video] = {}
        self.video_error: dict[str, str] | None = None

    def asked(self, path: str) -> list[RecordedRequest]:
        """The requests to a path."""
        return [request for request in self.requests if request.path == path]

    def respond(self, request: RecordedRequest) -> Response:
        """As `FaultBackend` does; no environment is left with a connection when the server ends."""
        response = super().respond(request)
        return replace(response, headers={**response.headers, "Connection": "close"})

    def generate(self, request: RecordedRequest) -> Response:
        """What the server of the path's protocol responds."""
        match request.method, request.path:
            case "POST", "/v1/chat/completions":
                return self._chat(request)
            case "POST", path if path.endswith("/converse"):
                return self._converse()
            case "POST", "/v1/audio/speech":
                assert request.json.keys() == {"model", "input", "voice", "response_format"}
                return raw_image(mp3(), "audio/mpeg")
            case "POST", "/v1/speech":
                assert request.json.keys() == {"Engine", "OutputFormat", "Text", "TextType", "VoiceId"}
                return raw_image(mp3(), "audio/mpeg")
            case "POST", "/v1/audio/generate":
                asked = request.json
                assert asked.keys() == {"model", "input", "audio_length", "seed", "response_format"}
                make = {"mp3": mp3, "wav": wav}[asked["response_format"]]
                return raw_image(make(asked["audio_length"]), f"audio/{asked['response_format']}")
            case "POST", "/v1/videos":
                return self._create(request)
            case "GET", path if match := _VIDEO.fullmatch(path):
                return self._show(match[1], has_content=bool(match[2]))
        return refusal(404, "not_found")

    def _chat(self, request: RecordedRequest) -> Response:
        asked = request.json
        assert [each["role"] for each in asked["messages"]] in (["user"], ["system", "user"])
        assert {"max_tokens", "max_completion_tokens"} & asked.keys()
        message = {"role": "assistant", "content": TEXT}
        return document({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    def _converse(self) -> Response:
        thought = {"reasoningContent": {"reasoningText": {"text": "Hm."}}}
        message = {"role": "assistant", "content": [thought, {"text": TEXT}]}
        usage = {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}
        return document(
            {
                "output": {"message": message},
                "stopReason": "end_turn",
                "usage": usage,
                "metrics": {"latencyMs": 1},
            }
        )

    def _create(self, request: RecordedRequest) -> Response:
        video_id = f"video_{len(self.videos)}"
        self.videos[video_id] = Video(request.fields)
        return document({"id": video_id, "object": "video", "status": "queued"}, 202)

    def _show(self, video_id: str, *, has_content: bool) -> Response:
        video = self.videos.get(video_id)
        if video is None:
            return refusal(404, "not_found")
        if has_content:
            assert video.looks > 2
            return raw_image(mp4(), "video/mp4")
        video.looks += 1
        status = ("queued", "in_progress", "completed")[min(video.looks, 3) - 1]
        if self.video_error and status == "completed":
            return document({"id": video_id, "status": "failed", "error": self.video_error})
        return document({"id": video_id, "status": status})

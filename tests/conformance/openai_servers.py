"""The kinds of OpenAI-compatible server, each a contestant."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from imagineart.adapters.deadline_http import DeadlineHttpClient
from imagineart.adapters.openai_images import OpenAiImagesBackend
from imagineart.adapters.openai_profiles import PROFILES
from imagineart.domain.ports import ImageBackend
from imagineart.domain.sizes import Size
from tests.conformance.contestant import Asked, Contestant, Fault, painted
from tests.fault_backend import Answer, RecordedRequest, document, picture, refusal

_REFUSALS = {
    Fault.THROTTLED: refusal(429, "rate_limit_exceeded", headers={"Retry-After": "7"}),
    Fault.UNAUTHORISED: refusal(401, "invalid_api_key"),
    Fault.UNKNOWN_MODEL: refusal(404, "model_not_found"),
    Fault.OVERLOADED: refusal(503, "overloaded"),
    Fault.FAILED: refusal(500, "server_error"),
    Fault.REFUSED_PROMPT: refusal(400, "content_policy_violation"),
    Fault.NO_PICTURE: document({"created": 0, "data": []}),
}


class OpenAiServer(Contestant):
    """A server of the kind that `profile` names."""

    inner_words = ("the-configured-model",)

    def __init__(self, profile: str) -> None:
        self.name = profile
        self.makes_every_size = profile != "openai"
        self._profile = PROFILES[profile]

    @contextmanager
    def connect(self, origin: str, credential: Callable[[], str]) -> Iterator[ImageBackend]:
        with closing(DeadlineHttpClient(f"{origin}/v1")) as http:
            yield OpenAiImagesBackend(http, self._profile, self.inner_words[0], credential)

    def paint(self, request: RecordedRequest) -> Answer:
        return picture(painted(self.read([request]), Size(*request.size)))

    def picture(self, content: bytes) -> Answer:
        return picture(content)

    def refuse(self, fault: Fault) -> Answer:
        return _REFUSALS[fault]

    def read(self, requests: Sequence[RecordedRequest]) -> Asked:
        (request,) = requests
        is_edit = request.path == "/v1/images/edits"
        fields = request.fields if is_edit else request.json
        files = request.files if is_edit else []
        assert {file.name for file in files} <= {self._profile.image_field}
        return Asked(
            fields["prompt"],
            int(fields["seed"]) if "seed" in fields else None,
            tuple(file.content for file in files),
            request.headers["authorization"].removeprefix("Bearer "),
        )

"""The kinds of OpenAI-compatible server."""

from collections.abc import Callable, Sequence

from imagineart.backends.http import HttpClient
from imagineart.backends.model import ImageBackend
from imagineart.backends.openai_compatible import OpenAiBackend
from imagineart.backends.openai_profiles import PROFILES
from imagineart.images.sizes import Size
from tests.conformance.subject import Asked, Fault, Subject, generated
from tests.fault_backend import RecordedRequest, Response, document, json_image, refusal

_REFUSALS = {
    Fault.THROTTLED: refusal(429, "rate_limit_exceeded", headers={"Retry-After": "7"}),
    Fault.UNAUTHORISED: refusal(401, "invalid_api_key"),
    Fault.CANNOT_PAY: refusal(429, "insufficient_quota", headers={"Retry-After": "7"}),
    Fault.UNKNOWN_MODEL: refusal(404, "model_not_found"),
    Fault.OVERLOADED: refusal(503, "overloaded", headers={"Retry-After": "7"}),
    Fault.FAILED: refusal(500, "server_error"),
    Fault.REFUSED_PROMPT: refusal(400, "content_policy_violation"),
    Fault.NO_IMAGE: document({"created": 0, "data": []}),
}


class OpenAiServer(Subject):
    """A server of the kind that `profile` names."""

    inner_words = ("the-configured-model",)

    def __init__(self, profile: str) -> None:
        self.name = profile
        self.makes_every_size = self.has_seed = profile != "openai"
        self._profile = PROFILES[profile]

    def connect(self, http: HttpClient, origin: str, credential: Callable[[], str]) -> ImageBackend:
        return OpenAiBackend(http, f"{origin}/v1", self._profile, self.inner_words[0], credential)

    def generate(self, request: RecordedRequest) -> Response:
        return json_image(generated(self.read([request]), Size(*request.size)))

    def image(self, content: bytes) -> Response:
        return json_image(content)

    def refuse(self, fault: Fault) -> Response:
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

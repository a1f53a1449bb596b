"""Another deployment of this API."""

from collections.abc import Callable, Sequence

from imagineart.backends.http import HttpClient
from imagineart.backends.imagineart_api import ImagineArtBackend
from imagineart.backends.model import ImageBackend
from imagineart.images.sizes import output_size
from tests.conformance.subject import Asked, Fault, Subject, generated
from tests.fault_backend import RecordedRequest, Response, document, raw_image

FIELDS = {
    "/v1/images/generations": {"prompt", "aspect_ratio", "resolution", "seed", "reasoning"},
    "/v1/images/edits": {"prompt", "aspect_ratio", "resolution", "seed"},
}


def api_error(
    status: int, code: str, message: str = "Scripted refusal.", headers: dict[str, str] | None = None
) -> Response:
    """An error of the API."""
    body = document({"error": {"code": code, "message": message, "request_id": "6a0b3c"}}).body
    return Response(status, body=body, headers=headers or {})


_REFUSALS = {
    Fault.THROTTLED: api_error(429, "rate_limited", headers={"Retry-After": "7"}),
    Fault.UNAUTHORISED: api_error(401, "invalid_token"),
    Fault.CANNOT_PAY: api_error(502, "model_auth_error", headers={"X-Should-Retry": "false"}),
    Fault.UNKNOWN_MODEL: api_error(503, "model_not_available"),
    Fault.OVERLOADED: Response(503, "text/html", b"<title>Unavailable</title>", {"Retry-After": "7"}),
    Fault.FAILED: api_error(500, "internal_error"),
    Fault.REFUSED_PROMPT: api_error(
        400, "invalid_request", "prompt: the model refused it under its content policy."
    ),
    Fault.NO_IMAGE: raw_image(b""),
}


class ImagineArtDeployment(Subject):
    """The API as its contract says."""

    name = "imagineart"
    inner_words = ()

    def connect(self, http: HttpClient, origin: str, credential: Callable[[], str]) -> ImageBackend:
        return ImagineArtBackend(http, f"{origin}/v1", credential)

    def generate(self, request: RecordedRequest) -> Response:
        size = output_size(request.fields["aspect_ratio"], request.fields["resolution"])
        return raw_image(generated(self.read([request]), size))

    def image(self, content: bytes) -> Response:
        return raw_image(content)

    def refuse(self, fault: Fault) -> Response:
        return _REFUSALS[fault]

    def read(self, requests: Sequence[RecordedRequest]) -> Asked:
        (request,) = requests
        assert set(request.fields) == FIELDS[request.path]
        assert {file.name for file in request.files} <= {"images"}
        return Asked(
            request.fields["prompt"],
            int(request.fields["seed"]),
            tuple(file.content for file in request.files),
            request.headers["authorization"].removeprefix("Bearer "),
        )

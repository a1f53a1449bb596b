"""Another deployment of this API, as a contestant; it reads forms with the parser of our own endpoints."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from imagineart.adapters.deadline_http import DeadlineHttpClient
from imagineart.adapters.imagineart_api import ImagineArtApiBackend
from imagineart.domain.parameters import EDIT_PARAMETERS, GENERATION_PARAMETERS
from imagineart.domain.ports import ImageBackend
from imagineart.domain.sizes import output_size
from imagineart.web.errors import STATUS_BY_CODE
from imagineart.web.forms import Form, parse_form
from tests.conformance.contestant import Asked, Contestant, Fault, painted
from tests.fault_backend import Answer, RecordedRequest, document, raw_picture


class ImagineArtDeployment(Contestant):
    """The API as its contract has it."""

    name = "imagineart"
    inner_words = ()

    @contextmanager
    def connect(self, origin: str, credential: Callable[[], str]) -> Iterator[ImageBackend]:
        with closing(DeadlineHttpClient(f"{origin}/v1")) as http:
            yield ImagineArtApiBackend(http, credential)

    def paint(self, request: RecordedRequest) -> Answer:
        fields = _form(request).fields
        size = output_size(fields["aspect_ratio"], fields["resolution"])
        return raw_picture(painted(self.read([request]), size))

    def picture(self, content: bytes) -> Answer:
        return raw_picture(content)

    def refuse(self, fault: Fault) -> Answer:
        match fault:
            case Fault.THROTTLED:
                return _envelope("rate_limited", "Retry-After", "7")
            case Fault.UNAUTHORISED:
                return _envelope("invalid_token")
            case Fault.UNKNOWN_MODEL:
                return _envelope("model_not_available")
            case Fault.OVERLOADED:
                return Answer(503, "text/html", b"<title>Service Unavailable</title>")
            case Fault.FAILED:
                return _envelope("internal_error")
            case Fault.REFUSED_PROMPT:
                return _envelope(
                    "invalid_request",
                    message="prompt: the model refused it under its content policy.",
                )
            case Fault.NO_PICTURE:
                return document({})

    def read(self, requests: Sequence[RecordedRequest]) -> Asked:
        (request,) = requests
        form = _form(request)
        return Asked(
            form.fields["prompt"],
            int(form.fields["seed"]) if "seed" in form.fields else None,
            tuple(file for file in form.files if isinstance(file, bytes)),
            request.headers["authorization"].removeprefix("Bearer "),
        )


def _form(request: RecordedRequest) -> Form:
    parameters = {
        "/v1/images/generations": GENERATION_PARAMETERS,
        "/v1/images/edits": EDIT_PARAMETERS,
    }[request.path]
    form = parse_form(request.headers["content-type"], request.body, parameters)
    parameters.parse_scalars(form.fields)
    return form


def _envelope(code: str, *header: str, message: str = "Scripted refusal.") -> Answer:
    error = {"code": code, "message": message, "request_id": "6a0b3c"}
    answer = document({"error": error}, STATUS_BY_CODE[code])
    return Answer(answer.status, body=answer.body, headers=dict([header] if header else []))

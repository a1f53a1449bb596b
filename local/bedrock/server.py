"""Answers InvokeModel as bedrock-runtime does, and fails as a test asks it to.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
"""

import json
import re
import uuid
from collections import deque
from collections.abc import Mapping, MutableSequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import ValidationError
from werkzeug import Request, Response

from local.bedrock.faults import Fault
from local.bedrock.models import MEGAPIXEL, TEXT_REGION, invoke_model
from local.wsgi_server import serving

_PATH: Final = re.compile(r"/model/([^/]+)/invoke")
_SIGNED: Final = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/([^/]+)/bedrock/aws4_request, ")


@dataclass(frozen=True, slots=True)
class Invocation:
    """A request as it came; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def model_id(self) -> str | None:
        """The model that the path names."""
        match = _PATH.fullmatch(self.path)
        return match[1] if match else None

    @property
    def document(self) -> dict[str, Any]:
        """The body of an InvokeModel."""
        document: dict[str, Any] = json.loads(self.body)
        return document


class BedrockServer:
    """The service in one region; images have about `pixels`. It runs from `__enter__` to `__exit__`."""

    def __init__(self, *, region: str = TEXT_REGION, pixels: int = MEGAPIXEL) -> None:
        self.url = ""
        self.invocations: MutableSequence[Invocation] = []
        self._region, self._pixels = region, pixels
        self._faults: deque[Fault | None] = deque()
        self._running = ExitStack()

    def fail(self, *faults: Fault | None) -> None:
        """Answer the next requests with these, one a request; None stands for one that succeeds."""
        self._faults.extend(faults)

    def forget(self) -> None:
        """Forget the requests that came, and the faults that are left."""
        self.invocations.clear()
        self._faults.clear()

    def __enter__(self) -> Self:
        self.url = self._running.enter_context(serving(Request.application(self._respond)))
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _respond(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        invocation = Invocation(request.path, headers, request.get_data())
        self.invocations.append(invocation)
        fault = self._faults.popleft() if self._faults else None
        status, kind, body = fault.value if fault else self._invoke(invocation)
        document = {"message": body} if isinstance(body, str) else body
        added = {"x-amzn-RequestId": str(uuid.uuid4())} | ({"x-amzn-ErrorType": kind} if kind else {})
        return Response(json.dumps(document), status, added, content_type="application/json")

    def _invoke(self, invocation: Invocation) -> tuple[int, str | None, str | Mapping[str, Any]]:
        signed = _SIGNED.match(invocation.headers.get("authorization", ""))
        if signed is None or signed[1] != self._region:
            return 403, "InvalidSignatureException", f"Credential should be scoped to {self._region}."
        if invocation.model_id is None:
            return 404, "UnknownOperationException", "only InvokeModel is known here"
        try:
            model, document = invocation.model_id, invocation.document
            return 200, None, invoke_model(model, self._region, document, self._pixels)
        except ValidationError as error:
            message = f"Malformed input request: {error}"
        except LookupError:
            message = "The provided model identifier is invalid."
        except (AttributeError, ValueError):
            message = "Malformed input request, please reformat your input and try again."
        return 400, "ValidationException", message

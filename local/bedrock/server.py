"""Answers InvokeModel as bedrock-runtime does, with pictures of the painter, and fails as it is told to.

::

    with BedrockServer() as bedrock:
        bedrock.fail(Fault.THROTTLED)   # the next request; then it paints again
        ...                             # the code under test calls bedrock.url

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
"""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Final
from urllib.parse import unquote

from local.bedrock.faults import NEEDS_PROFILE_MESSAGE, Fault
from local.bedrock.models import MEGAPIXEL, MODELS, TEXT_REGION, Model, RefusedOrderError, paint
from local.bedrock.signatures import UnsignedError, check_signature
from local.keep_alive_server import KeepAliveServer

_PATH: Final = re.compile(r"/model/([^/]+)/invoke")
_ERROR_LINK: Final = "http://internal.amazon.com/coral/com.amazon.bedrock/"


@dataclass(frozen=True, slots=True)
class Invocation:
    """A request as it came; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def model_id(self) -> str | None:
        """What the path names."""
        match = _PATH.fullmatch(self.path)
        return unquote(match[1]) if match else None

    @property
    def document(self) -> dict[str, Any]:
        """The body of an InvokeModel."""
        document: dict[str, Any] = json.loads(self.body)
        return document


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    document: Mapping[str, Any]
    error_type: str | None = None


class BedrockServer:
    """The server in one region; it runs from `__enter__` to `__exit__`.

    Pictures have about `pixels`. With `secrets`, by access key id, signatures are checked.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        region: str = TEXT_REGION,
        pixels: int = MEGAPIXEL,
        secrets: Mapping[str, str] | None = None,
        always: Fault | None = None,
    ) -> None:
        self.invocations: list[Invocation] = []
        self._region = region
        self._pixels = pixels
        self._secrets = secrets
        self._always = always
        self._faults: deque[Fault | None] = deque()
        self._turn = threading.Lock()
        self._server = _Server((host, port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def connections(self) -> int:
        """How many connections have come."""
        return self._server.connections

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def fail(self, *faults: Fault | None) -> None:
        """Answer the next requests with these, one a request; None stands for one that succeeds."""
        with self._turn:
            self._faults.extend(faults)

    def forget(self) -> None:
        """Forget what came so far, and what was still to fail."""
        with self._turn:
            self.invocations.clear()
            self._faults.clear()

    def __enter__(self) -> BedrockServer:
        self._thread.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._server.stop()
        self._thread.join()

    def answer(self, invocation: Invocation) -> _Answer:
        """Remember the request and choose what to say to it."""
        with self._turn:
            self.invocations.append(invocation)
            fault = self._faults.popleft() if self._faults else self._always
        if fault is not None:
            return _Answer(fault.status, fault.document, fault.error_type)
        model_id = invocation.model_id
        if model_id is None or invocation.method != "POST":
            return _error(404, "UnknownOperationException", "")
        try:
            check_signature(
                invocation.path,
                invocation.headers,
                invocation.body,
                region=self._region,
                secrets=self._secrets,
            )
            model = self._find_model(model_id)
            painted = paint(model, _read_document(invocation), self._pixels)
        except UnsignedError as error:
            return _error(403, error.error_type, str(error))
        except RefusedOrderError as error:
            return _error(400, "ValidationException", str(error))
        images = [base64.b64encode(painted.content).decode()]
        return _Answer(200, {"seeds": [painted.seed], "finish_reasons": [None], "images": images})

    def _find_model(self, model_id: str) -> Model:
        for model in MODELS:
            if self._region in model.regions and model_id == model.id:
                return model
            if self._region in model.regions and model_id == model.bare_id:
                raise RefusedOrderError(NEEDS_PROFILE_MESSAGE.format(model_id=model_id))
        raise RefusedOrderError("The provided model identifier is invalid.")


def _read_document(invocation: Invocation) -> Mapping[str, Any]:
    if invocation.headers.get("content-type") != "application/json":
        raise RefusedOrderError("The provided Content Type is invalid or not supported for this model")
    try:
        document = invocation.document
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise RefusedOrderError("Malformed input request, please reformat your input and try again.")
    return document


def _error(status: int, error_type: str, message: str) -> _Answer:
    return _Answer(status, {"message": message}, error_type)


class _Server(KeepAliveServer):
    def __init__(self, address: tuple[str, int], bedrock: BedrockServer) -> None:
        super().__init__(address, _Handler)
        self.bedrock = bedrock


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.bedrock.answer(Invocation(self.command, self.path, headers, body))
        content = json.dumps(answer.document).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        if answer.error_type is not None:
            self.send_header("x-amzn-ErrorType", f"{answer.error_type}:{_ERROR_LINK}")
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

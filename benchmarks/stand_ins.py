"""AWS and an inference backend on loopback with canned responses, in a process of their own, and requests.

The backend returns an image of the size asked for, in JSON, or as it is for ``"response_format": "png"``.
"""

import base64
import io
import json
import multiprocessing
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import ThreadingHTTPServer
from typing import Any, Final

import httpx
from PIL import Image

from benchmarks.processes import Process, QuietHandler
from imagineart.access.tokens import ALL_SCOPES, Peppers, TokenKind, create_token
from imagineart.images.operations import ModelOperation
from local.chosen_models import document_of
from local.proxy_events import HttpRequest, build_proxy_event

SLOW: Final = "takes-2-s"
FORM_1K: Final = {"prompt": (None, "A chef plating ramen."), "resolution": (None, "1K")}
FORM_2K: Final = FORM_1K | {"resolution": (None, "2K")}
JSON_REQUEST: Final = {"prompt": "A chef plating ramen.", "model": "text-to-image", "size": "1024x1024"}
EDIT_REQUEST: Final = {"model": "fast", "size": "1024x1024"}
_NOISE_STEPS: Final = {1024: 82, 2048: 15}
"""How coarse the noise of an image of this side is: it takes 1.64 MB as JSON, and 8 MiB as a PNG."""
_TOKEN: Final = create_token(TokenKind.PARTNER, random.Random(1).randrange)
_SECRET: Final = {"current": "1", "1": "a pepper for measuring", "api_key": "a key for measuring"}
_TOKEN_ITEM: Final = {
    "key": {"S": f"token#{_TOKEN.id}"},
    "consumer_id": {"S": "measured"},
    "scopes": {"SS": sorted(ALL_SCOPES)},
    "digest": {"S": Peppers("1", _SECRET).digest(_TOKEN.secret, "1")},
    "pepper_version": {"S": "1"},
    "created_at": {"N": "1"},
    "last_used_on": {"S": time.strftime("%Y-%m-%d", time.gmtime())},
}
_COUNTERS: Final = ("requests_per_minute", "concurrent_requests")
_AWS_RESPONSES: Final[dict[str, object]] = {
    "GetItem": {"Item": _TOKEN_ITEM},
    "PutItem": {},
    "SendMessage": {"MessageId": "measured"},
    "GetSecretValue": {"SecretString": json.dumps(_SECRET), "VersionId": "1"},
    "UpdateItem": {"Attributes": {"key": {"S": "measured"}, **{each: {"N": "1000"} for each in _COUNTERS}}},
}


def request_event(
    method: str = "POST",
    path: str = "/v1/images/generations",
    *,
    headers: Mapping[str, str] = {},
    **content: Any,
) -> dict[str, Any]:
    """The event of a request; `content` is httpx's ``files``, a form, or ``json``, in OpenAI's shape."""
    headers = {"Authorization": f"Bearer {_TOKEN.text}", **headers}
    sent = httpx.Request(method, f"http://api{path}", headers=headers, **content)
    request = HttpRequest(method, sent.url.path, "", tuple(sent.headers.items()), sent.read())
    return build_proxy_event(request, resource=request.path, path_parameters=None)


@contextmanager
def stand_ins() -> Iterator[tuple[str, Process]]:
    """The base URL of both, and their process."""
    for side in _NOISE_STEPS:
        _as_json(side)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
        process.start()
        yield f"http://127.0.0.1:{server.server_port}", Process(process.pid or 0)
        process.kill()


@cache
def png(side: int) -> bytes:
    """A square image of noise."""
    levels = bytes(each // _NOISE_STEPS[side] for each in range(256))
    noise = random.Random(1).randbytes(side * side * 3).translate(levels)
    target = io.BytesIO()
    Image.frombytes("RGB", (side, side), noise).save(target, "PNG", compress_level=1)
    return target.getvalue()


@cache
def _as_json(side: int) -> bytes:
    return json.dumps({"created": 1, "data": [{"b64_json": base64.b64encode(png(side)).decode()}]}).encode()


class _Handler(QuietHandler):
    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.respond(200, b"", ETag='"measured"')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        # An edit is a form.
        request = json.loads(body) if "json" in self.headers["Content-Type"] else EDIT_REQUEST
        if operation := self.headers["X-Amz-Target"]:
            response = _AWS_RESPONSES[operation.rpartition(".")[2]]
            table = request.get("TableName", "")
            if table == "IMAGINEART_JOBS_TABLE" and operation.endswith("GetItem"):
                response = {}
            elif table.startswith("openai-compatible "):
                document = document_of(dict.fromkeys((ModelOperation.GENERATE, ModelOperation.EDIT), table))
                response = {"Item": {"version": {"N": "1"}, "document": {"S": document}}}
            return self.respond(200, json.dumps(response).encode())
        time.sleep(2 if request["model"] == SLOW else 0)
        side = int(request["size"].partition("x")[0])
        if request.get("response_format") == "png":
            return self.respond(200, png(side), Content_Type="image/png")
        return self.respond(200, _as_json(side), Content_Type="application/json")

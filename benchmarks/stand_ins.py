"""AWS and an inference backend as one loopback server with canned answers, in a process of its own.

Being elsewhere, it leaves nothing but the client's work in the processor time of whoever is measured.
"""

import base64
import json
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final

from imagineart.domain.accounting import day_of
from imagineart.domain.limits import MAX_CONCURRENT_REQUESTS, MAX_REQUESTS_PER_MINUTE
from imagineart.domain.operations import Scope
from imagineart.domain.tokens import Peppers, TokenKind, create_token

from benchmarks.photographs import encode_png_with_metadata, paint_photograph
from local.child_server import ChildServer, await_listening, launch

PICTURE_SIDE: Final = 1024
TOKEN: Final = create_token(TokenKind.PARTNER, random.Random(1).randrange)
PEPPERS: Final = Peppers("1", {"1": "a pepper for measuring"})
SECRETS: Final = {
    "PepperSecret": {"current": PEPPERS.current_version, **PEPPERS.keys},
    "InternalTokensSecret": {"consumers": {}},
    "BackendCredentialSecret": {"api_key": "a key for measuring"},
}


def start_stand_ins() -> ChildServer:
    """The server, listening."""
    return await_listening(launch(__name__))


def answer_aws(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """What the AWS operation answers: the one token, its consumer after a first request, a secret.

    An item has what either side keeps in it.
    """
    match operation:
        case "GetItem":
            digest = PEPPERS.digest(TOKEN.secret, PEPPERS.current_version)
            return {
                "Item": {
                    "key": {"S": f"token#{TOKEN.id}"},
                    "consumer_id": {"S": "benchmark"},
                    "requests_per_minute": {"N": str(MAX_REQUESTS_PER_MINUTE)},
                    "scopes": {"SS": sorted(Scope)},
                    "last_used_on": {"S": day_of(time.time())},
                    "digest": {"S": digest},
                    "pepper_version": {"S": PEPPERS.current_version},
                    "created_at": {"N": "1"},
                }
            }
        case "UpdateItem":
            return {
                "Attributes": {
                    "key": {"S": "benchmark"},
                    "requests_per_minute": {"N": str(MAX_REQUESTS_PER_MINUTE)},
                    "concurrent_requests": {"N": str(MAX_CONCURRENT_REQUESTS)},
                    "requests": {"N": "1"},
                }
            }
        case "GetSecretValue":
            secret_id = request["SecretId"]
            return {"Name": secret_id, "SecretString": json.dumps(SECRETS[secret_id])}
        case _:
            raise ValueError(f"no canned answer for {operation}")


def _encode_backend_answer() -> bytes:
    png = encode_png_with_metadata(paint_photograph(PICTURE_SIDE, PICTURE_SIDE))
    return json.dumps({"created": 1, "data": [{"b64_json": base64.b64encode(png).decode()}]}).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    backend_answer: ClassVar[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/v1/images/"):
            return self._answer("application/json", self.backend_answer)
        target, _, operation = self.headers["X-Amz-Target"].rpartition(".")
        version = "1.1" if target == "secretsmanager" else "1.0"
        answer = json.dumps(answer_aws(operation, json.loads(body))).encode()
        return self._answer(f"application/x-amz-json-{version}", answer)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: a line a request would bury the table."""

    def _answer(self, media_type: str, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)


def _serve() -> None:
    """Serve until standard input ends, which it does when the parent process does."""
    _Handler.backend_answer = _encode_backend_answer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"stand-ins listening on http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    _serve()

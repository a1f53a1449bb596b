"""A stand-in for the Lambda Runtime API that hands out invocations and keeps what the runtime posts.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATH = "/2018-06-01/runtime"


@dataclass
class Post:
    """One POST of the runtime: its path after the prefix, headers (lower-case names), body and trailers."""

    path: str
    headers: dict[str, str]
    body: bytes = b""
    chunk_sizes: list[int] = field(default_factory=list)
    trailers: dict[str, str] = field(default_factory=dict)
    hung_up: bool = False

    @property
    def is_streamed(self):
        return self.headers.get("lambda-runtime-function-response-mode") == "streaming"


class RuntimeApi:
    """The server; `invoke` queues an invocation and waits, bounded, for what the runtime posts about it."""

    def __init__(self, *, hang_up_after_bytes=None, invocation_ids=True, answers_status=202):
        self.hang_up_after_bytes = hang_up_after_bytes
        self.invocation_ids = invocation_ids
        self.answers_status = answers_status
        self.on_piece: Callable[[bytes], None] = lambda _: None
        self.posts: queue.Queue[Post] = queue.Queue()
        self.invocations: queue.Queue[tuple[str, bytes] | None] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self._server.server_port}"

    def invoke(self, event, request_id="request-1", timeout_seconds=60):
        self.invocations.put((request_id, json.dumps(event).encode()))
        return self.posts.get(timeout=timeout_seconds)

    def stop(self):
        self.invocations.put(None)
        self._server.shutdown()
        self._server.server_close()


def _handler_for(api):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_):
            pass

        def do_GET(self):
            assert self.path == f"{PATH}/invocation/next", self.path
            invocation = api.invocations.get()
            if invocation is None:
                self.close_connection = True
                return
            request_id, event = invocation
            headers = {
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + 60) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:f",
                "Content-Type": "application/json",
                "Content-Length": str(len(event)),
            }
            if api.invocation_ids:
                headers["Lambda-Runtime-Invocation-Id"] = f"invocation-of-{request_id}"
            self._answer(200, headers, event)

        def do_POST(self):
            headers = {name.lower(): value for name, value in self.headers.items()}
            post = Post(self.path.removeprefix(PATH), headers)
            if headers.get("transfer-encoding") == "chunked":
                self._read_chunks(post)
            else:
                post.body = self.rfile.read(int(headers.get("content-length", 0)))
            if not post.hung_up:
                self._answer(api.answers_status, {"Content-Length": "0"}, b"")
            api.posts.put(post)

        def _read_chunks(self, post):
            received = 0
            while size := int(self.rfile.readline(), 16):
                content = self.rfile.read(size)
                assert self.rfile.read(2) == b"\r\n"
                received += size
                post.chunk_sizes.append(size)
                api.on_piece(content)
                post.body += content
                if api.hang_up_after_bytes is not None and received > api.hang_up_after_bytes:
                    post.hung_up = self.close_connection = True
                    return
            while (line := self.rfile.readline()) != b"\r\n":
                name, _, value = line.decode().partition(":")
                post.trailers[name.lower()] = value.strip()

        def _answer(self, status, headers, body):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler

"""The real wrapper and the real awslambdaric in a process of its own, against a Runtime API played here."""

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from lambda_response_streaming import StreamedResponse
from local.template import PROJECT
from tests.streaming.runtime_api import RuntimeApi

pytest.importorskip("awslambdaric", reason="AWS publishes its runtime client for Linux")
runtime_client = pytest.importorskip("lambda_response_streaming.runtime_client")
StreamingRuntimeClient = runtime_client.StreamingRuntimeClient

WRAPPER = PROJECT / "layers" / "streaming" / "streaming-wrapper"
MIB = 1024 * 1024


class Pipe:
    """A named pipe, open at both ends, so that nobody waits to open it."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path = str(path)

    def __enter__(self):
        self.descriptor = os.open(self.path, os.O_RDWR)
        return self

    def __exit__(self, *_):
        os.close(self.descriptor)

    def tell(self, line):
        os.write(self.descriptor, line.encode())


@contextmanager
def running_function(api, handler="streaming_function.handler", **variables):
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "LAMBDA_TASK_ROOT": str(Path(__file__).parent),
        "_HANDLER": handler,
        **variables,
    }
    # A file takes any number of lines, where a pipe that nobody reads holds up whoever writes to it.
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [WRAPPER, sys.executable, "/var/runtime/bootstrap.py"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            output.seek(0)
            print(output.read())


@pytest.fixture(scope="module")
def api():
    api = RuntimeApi()
    with running_function(api):
        yield api
    api.stop()


def read_stream(post):
    prelude, _, body = post.body.partition(b"\0" * 8)
    return json.loads(prelude), body


def test_a_streamed_answer_has_the_headers_of_the_runtime_api(api):
    post = api.invoke({"kind": "stream", "bytes": 10}, request_id="abc")
    assert post.path == "/invocation/abc/response"
    assert post.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert post.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert post.headers["transfer-encoding"] == "chunked"
    assert post.headers["trailer"] == "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
    assert post.headers["connection"] == "close"
    assert "content-length" not in post.headers
    assert "accept-encoding" not in post.headers


def test_the_invocation_id_is_echoed(api):
    post = api.invoke({"kind": "stream", "bytes": 1}, request_id="r-7")
    assert post.headers["lambda-runtime-invocation-id"] == "invocation-of-r-7"


def test_the_prelude_carries_status_and_every_header_value(api):
    metadata, _ = read_stream(api.invoke({"kind": "stream", "bytes": 1, "status": 418}))
    assert metadata == {
        "statusCode": 418,
        "headers": {"Content-Type": "image/png"},
        "multiValueHeaders": {"X-Twice": ["1", "2"]},
    }


def test_the_delimiter_lies_within_16_kib(api):
    post = api.invoke({"kind": "stream", "bytes": 1, "headers": {"X-Long": ["x" * 15_000]}})
    assert post.body.index(b"\0" * 8) + 8 <= 16 * 1024


def test_a_prelude_over_16_kib_is_an_ordinary_error(api):
    post = api.invoke({"kind": "stream", "bytes": 1, "headers": {"X-Long": ["x" * 17_000]}})
    assert post.path.endswith("/error")
    assert json.loads(post.body)["errorType"] == "ValueError"


@pytest.mark.parametrize("size", [1, 6 * MIB, 20 * MIB])
def test_a_body_of_any_size_arrives_whole(api, size):
    post = api.invoke({"kind": "stream", "bytes": size})
    metadata, body = read_stream(post)
    assert metadata["statusCode"] == 200
    assert body == (bytes(range(256)) * (size // 256 + 1))[:size]
    assert post.trailers == {}


def test_a_body_of_200_mib_flows():
    api = RuntimeApi(keep_bodies=False)
    with running_function(api):
        post = api.invoke({"kind": "stream", "bytes": 200 * MIB})
    api.stop()
    prelude_bytes = post.body.index(b"\0" * 8) + 8
    assert sum(post.chunk_sizes) - prelude_bytes == 200 * MIB


def test_an_answer_without_a_body_still_has_its_prelude(api):
    post = api.invoke({"kind": "stream", "bytes": 0, "status": 204})
    assert read_stream(post) == (
        {
            "statusCode": 204,
            "headers": {"Content-Type": "image/png"},
            "multiValueHeaders": {"X-Twice": ["1", "2"]},
        },
        b"",
    )


def test_no_empty_piece_ends_the_body_early(api):
    post = api.invoke({"kind": "stream with empty pieces", "bytes": 200_000})
    assert len(read_stream(post)[1]) == 200_000
    assert len(post.chunk_sizes) > 2


def test_a_failure_before_the_first_byte_is_an_ordinary_error(api):
    post = api.invoke({"kind": "failure before the first byte", "bytes": 0}, request_id="r-9")
    assert post.path == "/invocation/r-9/error"
    assert not post.is_streamed
    assert json.loads(post.body)["errorMessage"] == "failed before the first byte"


def test_a_failure_after_the_first_byte_is_told_in_trailers(api):
    post = api.invoke({"kind": "failure after the first byte", "bytes": 1000})
    assert post.trailers["lambda-runtime-function-error-type"] == "Runtime.ValueError"
    told = json.loads(base64.b64decode(post.trailers["lambda-runtime-function-error-body"]))
    assert (told["errorType"], told["errorMessage"]) == ("ValueError", "failed after the first byte")
    assert len(read_stream(post)[1]) == 1000


def test_the_runtime_goes_on_after_every_kind_of_answer(api):
    kinds = ["stream", "failure", "failure before the first byte", "failure after the first byte", "buffered"]
    posts = [api.invoke({"kind": kind, "bytes": 5}, request_id=kind.replace(" ", "-")) for kind in kinds * 2]
    endings = [post.path.rpartition("/")[2] for post in posts]
    assert endings == ["response", "error", "error", "response", "response"] * 2


def test_a_buffered_answer_is_posted_by_aws_s_own_client(api):
    post = api.invoke({"kind": "buffered"})
    assert not post.is_streamed
    assert json.loads(post.body) == {"statusCode": 200, "body": "as ever"}


@pytest.mark.parametrize("kind", ["followed", "stream", "failure after the first byte"])
@pytest.mark.parametrize("fails", [False, True], ids=["works", "fails"])
def test_what_follows_an_answer_is_done_when_it_is_posted_and_before_the_next_invocation(
    api, tmp_path, kind, fails
):
    with Pipe(tmp_path / "pipe") as pipe:
        post = api.invoke({"kind": kind, "bytes": 10, "pipe": pipe.path, "fails": fails})
        assert post.path.endswith("/response")
        pipe.tell(f"the answer to {kind} is here\n")
        done = json.loads(api.invoke({"kind": "what was done"}).body)
    assert done[-1] == f"the answer to {kind} is here\n"


def test_an_answer_that_is_followed_is_the_ordinary_one(api, tmp_path):
    with Pipe(tmp_path / "pipe") as pipe:
        pipe.tell("go on\n")
        post = api.invoke({"kind": "followed", "pipe": pipe.path})
        assert json.loads(api.invoke({"kind": "what was done"}).body)[-1] == "go on\n"
    assert not post.is_streamed
    assert post.headers["content-type"] == "application/json"
    assert json.loads(post.body) == {"statusCode": 200, "body": "first"}


def test_what_follows_an_answer_is_done_too_where_its_reader_hangs_up(tmp_path):
    api = RuntimeApi(hang_up_after_bytes=MIB)
    with running_function(api), Pipe(tmp_path / "pipe") as pipe:
        assert api.invoke({"kind": "stream", "bytes": 20 * MIB, "pipe": pipe.path}).hung_up
        pipe.tell("hung up\n")
        assert json.loads(api.invoke({"kind": "what was done"}).body) == ["hung up\n"]
    api.stop()


def test_the_connection_to_the_runtime_api_is_kept_between_invocations(api):
    before = len(api.next_connections)
    for _ in range(3):
        api.invoke({"kind": "stream", "bytes": 5})
    assert len(set(api.next_connections[before : before + 3])) == 1


def test_the_handler_can_tell_that_it_may_stream(api):
    assert json.loads(api.invoke({"kind": "environment"}).body)["streaming"] is True


def test_without_the_wrapper_the_handler_can_tell_that_it_may_not():
    code = "import lambda_response_streaming as it; print(it.is_streaming())"
    layer = str(WRAPPER.parent / "python")
    answer = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": layer}, capture_output=True, text=True
    )
    assert answer.stdout == "False\n", answer.stderr


def test_a_reader_that_hangs_up_midway_harms_nothing():
    api = RuntimeApi(hang_up_after_bytes=MIB)
    with running_function(api):
        assert api.invoke({"kind": "stream", "bytes": 50 * MIB}).hung_up
        api.hang_up_after_bytes = None
        assert read_stream(api.invoke({"kind": "stream", "bytes": 3}))[1] == b"\0\1\2"
    api.stop()


def test_a_runtime_api_without_invocation_ids_is_served():
    api = RuntimeApi(invocation_ids=False)
    with running_function(api):
        post = api.invoke({"kind": "stream", "bytes": 3})
    api.stop()
    assert "lambda-runtime-invocation-id" not in post.headers


def test_a_module_that_cannot_be_imported_is_an_init_error():
    api = RuntimeApi()
    with running_function(api, handler="no_such_module.handler"):
        post = api.posts.get(timeout=60)
    api.stop()
    assert post.path == "/init/error"
    assert json.loads(post.body)["errorType"] == "Runtime.ImportModuleError"


def test_a_function_may_import_what_lambda_s_own_bootstrap_would_let_it(tmp_path):
    """From its own folder before all, from folders that its .pth files name, and from the runtime's."""
    folders = {name: tmp_path / name for name in ("task", "named", "runtime", "path")}
    for name, folder in folders.items():
        folder.mkdir()
        (folder / f"from_{name}.py").touch()
        (folder / "first.py").write_text(f"place = {name!r}\n")
    (folders["task"] / "named.pth").write_text(f"{folders['named']}\n")
    (folders["task"] / "room.py").write_text(
        "import first, from_task, from_named, from_runtime\n"
        "def handler(event, context):\n"
        "    return first.place\n"
    )
    places = {
        "LAMBDA_TASK_ROOT": str(folders["task"]),
        "LAMBDA_RUNTIME_DIR": str(folders["runtime"]),
        "PYTHONPATH": str(folders["path"]),
    }
    api = RuntimeApi()
    with running_function(api, handler="room.handler", **places):
        post = api.invoke({})
    api.stop()
    assert json.loads(post.body) == "task"


def test_a_managed_instance_s_processes_stream_too():
    api = RuntimeApi()
    with running_function(api, AWS_LAMBDA_MAX_CONCURRENCY="2"):
        posts = [api.invoke({"kind": "stream", "bytes": 5}, request_id=f"r-{number}") for number in range(4)]
    api.stop()
    assert all(post.is_streamed for post in posts)


@pytest.mark.parametrize("arguments", [(), ("invocation-1",)], ids=["before 4.0.2", "since 4.0.2"])
def test_both_signatures_of_aws_s_client_are_served(arguments):
    api = RuntimeApi()
    client = StreamingRuntimeClient(api.address)
    answer, content_type = client.marshaller.marshal_response(StreamedResponse(200, {}, [b"body"]))
    client.post_invocation_result("r-1", answer, content_type, *arguments)
    post = api.posts.get(timeout=60)
    api.stop()
    assert read_stream(post)[1] == b"body"
    assert post.headers.get("lambda-runtime-invocation-id") == (arguments[0] if arguments else None)


class ClosableBody:
    """Pieces without end that remember whether they were closed."""

    def __init__(self):
        self.closed = 0

    def __iter__(self):
        return self

    def __next__(self):
        return bytes(65_536)

    def close(self):
        self.closed += 1


def test_the_body_is_closed_when_its_reader_hangs_up():
    api = RuntimeApi(hang_up_after_bytes=MIB)
    client = StreamingRuntimeClient(api.address)
    body = ClosableBody()
    answer, content_type = client.marshaller.marshal_response(StreamedResponse(200, {}, body))
    client.post_invocation_result("r-1", answer, content_type)
    assert api.posts.get(timeout=60).hung_up
    api.stop()
    assert body.closed == 1


def test_a_stream_that_the_runtime_api_refuses_is_logged(caplog):
    api = RuntimeApi(answers_status=413)
    client = StreamingRuntimeClient(api.address)
    answer, content_type = client.marshaller.marshal_response(StreamedResponse(200, {}, [b"body"]))
    client.post_invocation_result("r-1", answer, content_type)
    api.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "The runtime API answered 413 to the stream of r-1"
    ]


def test_a_stream_that_is_taken_is_not_worth_a_line(caplog):
    api = RuntimeApi()
    client = StreamingRuntimeClient(api.address)
    answer, content_type = client.marshaller.marshal_response(StreamedResponse(200, {}, [b"body"]))
    client.post_invocation_result("r-1", answer, content_type)
    api.stop()
    assert caplog.records == []


def test_a_failure_midway_is_logged_and_told_with_its_trace(caplog):
    def body():
        yield b"one"
        raise LookupError("midway")

    api = RuntimeApi()
    client = StreamingRuntimeClient(api.address)
    answer, content_type = client.marshaller.marshal_response(StreamedResponse(200, {}, body()))
    client.post_invocation_result("r-1", answer, content_type)
    post = api.posts.get(timeout=60)
    api.stop()
    told = json.loads(base64.b64decode(post.trailers["lambda-runtime-function-error-body"]))
    assert 'raise LookupError("midway")' in told["stackTrace"][-1]
    (record,) = caplog.records
    assert (record.levelname, record.exc_info[0]) == ("ERROR", LookupError)


class SippingSocket:
    """A socket whose every sendmsg takes a few bytes only."""

    def __init__(self, takes_bytes):
        self.taken = b""
        self._takes_bytes = takes_bytes

    def sendmsg(self, buffers):
        taken = b"".join(buffers)[: self._takes_bytes]
        self.taken += taken
        return len(taken)

    def sendall(self, content):
        self.taken += content


@pytest.mark.parametrize("takes_bytes", [0, 1, 3, 6, 7, 100])
def test_what_a_socket_takes_in_part_arrives_whole(takes_bytes):
    sock = SippingSocket(takes_bytes)
    runtime_client._send_all(sock, b"5\r\n", memoryview(b"piece"), b"\r\n")
    assert sock.taken == b"5\r\npiece\r\n"

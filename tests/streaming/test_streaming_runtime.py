"""The real wrapper and AWS's real client in a process of their own, against a Runtime API played here."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from lambda_response_streaming import StreamedResponse
from tests.streaming.aws_clients import LAYER, OLDER, installed
from tests.streaming.events import rest_event
from tests.streaming.runtime_api import RuntimeApi

pytest.importorskip("awslambdaric", reason="AWS publishes its runtime client for Linux")
runtime_client = pytest.importorskip("lambda_response_streaming.runtime_client")

MIB = 1024 * 1024


@contextmanager
def running_function(api=None, handler="streaming_function.handler", *, layer=LAYER, options=(), **variables):
    """The Runtime API that serves the function's process."""
    api = api or RuntimeApi()
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "LAMBDA_TASK_ROOT": str(Path(__file__).parent),
        "_HANDLER": handler,
        **variables,
    }
    # A file takes any number of lines, where a full pipe would stop the process.
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [layer / "streaming-wrapper", sys.executable, *options, "/var/runtime/bootstrap.py"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield api
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            api.stop()
            output.seek(0)
            print(output.read())


@pytest.fixture(scope="module")
def api():
    with running_function() as api:
        yield api


def read_stream(post):
    prelude, _, body = post.body.partition(b"\0" * 8)
    return json.loads(prelude), body


@pytest.mark.parametrize("ids", [{"lambda-runtime-invocation-id": "invocation-of-abc"}, {}])
def test_a_stream_has_the_headers_of_the_runtime_api(ids):
    with running_function(RuntimeApi(invocation_ids=bool(ids))) as api:
        post = api.invoke(rest_event("/numbers"), request_id="abc")
    assert post.path == "/invocation/abc/response"
    assert post.headers == {
        "host": api.address,
        "content-type": "application/vnd.awslambda.http-integration-response",
        "lambda-runtime-function-response-mode": "streaming",
        "transfer-encoding": "chunked",
        "trailer": "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
        "connection": "close",
        **ids,
    }
    assert read_stream(post) == ({"statusCode": 200, "headers": {}, "multiValueHeaders": {}}, b"012")


def test_a_piece_arrives_before_the_next_one_is_made(api, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    api.on_piece = lambda piece: gate.write_text("go on") if piece == b"first" else None
    post = api.invoke(rest_event("/held", queryStringParameters={"gate": str(gate)}))
    api.on_piece = lambda _: None
    assert read_stream(post)[1] == b"firstsecond"


def test_the_readme_s_application_streams_20_mb(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", (LAYER / "README.md").read_text(), re.DOTALL)
    (tmp_path / "readme.py").write_text(code)
    with running_function(handler="readme.handler", LAMBDA_TASK_ROOT=str(tmp_path)) as api:
        post = api.invoke(rest_event("/files/20"))
    metadata, body = read_stream(post)
    assert (metadata["statusCode"], len(body)) == (200, 20 * MIB)
    assert max(post.chunk_sizes) == MIB


def test_the_runtime_goes_on_after_every_kind_of_response(api):
    events = {
        "fails": rest_event("/fails"),
        "midway": rest_event("/numbers", queryStringParameters={"fails_at": "1"}),
        "foreign": {"source": "aws.events"},
        "buffered": {"asks": "what happened"},
    }
    posts = [api.invoke(event, request_id=name) for name, event in list(events.items()) * 2]
    paths = [post.path.removeprefix("/invocation/") for post in posts]
    assert paths == ["fails/response", "midway/response", "foreign/error", "buffered/response"] * 2
    fails, midway, foreign, buffered = posts[4:]
    assert (read_stream(fails)[0]["statusCode"], read_stream(fails)[1]) == (500, b"Internal Server Error")
    assert (read_stream(midway)[1], fails.trailers) == (b"0", {})
    assert midway.trailers["lambda-runtime-function-error-type"] == "Runtime.LookupError"
    error = json.loads(base64.b64decode(midway.trailers["lambda-runtime-function-error-body"]))
    assert (error["errorType"], error["errorMessage"]) == ("LookupError", "midway")
    assert 'raise LookupError("midway")' in error["stackTrace"][-1]
    assert json.loads(foreign.body)["errorType"] == "ValueError"
    assert not buffered.is_streamed
    assert json.loads(buffered.body) == {"is_streaming": True, "last": ["closed"]}


def test_a_client_that_leaves_midway_ends_the_application_before_the_next_invocation():
    with running_function(RuntimeApi(hang_up_after_bytes=10_000)) as api:
        assert api.invoke(rest_event("/numbers", queryStringParameters={"count": "1000000000"})).hung_up
        assert json.loads(api.invoke({"asks": "what happened"}).body)["last"] == ["closed"]


FUNCTION = """
import awslambdaric, first, from_task, from_named, from_runtime
from lambda_response_streaming import StreamedResponse

def handler(event, context):
    return StreamedResponse(200, {"First": [first.place]}, [awslambdaric.__file__.encode()])
"""


@pytest.mark.parametrize("place", ["runtime", "task"])
@pytest.mark.parametrize("lock", [OLDER, LAYER / "requirements.txt"], ids=["3.1.1", "4.2.2"])
def test_the_layer_s_own_client_runs_a_function_that_may_import_what_lambda_s_bootstrap_lets_it(
    tmp_path, place, lock
):
    """From its own folder before all, from folders that its .pth files name, and from the runtime's."""
    layer = tmp_path / "opt"
    shutil.copytree(LAYER, layer)
    shutil.copytree(installed(LAYER / "requirements.txt"), layer / "python", dirs_exist_ok=True)
    shutil.copytree(installed(lock), tmp_path / place)
    for name in ("task", "named", "runtime"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / f"from_{name}.py").touch()
        (tmp_path / name / "first.py").write_text(f"place = {name!r}\n")
    (tmp_path / "task" / "named.pth").write_text(f"{tmp_path / 'named'}\n")
    (tmp_path / "task" / "function.py").write_text(FUNCTION)
    runtime = str(tmp_path / "runtime")
    places = {
        "LAMBDA_TASK_ROOT": str(tmp_path / "task"),
        "LAMBDA_RUNTIME_DIR": runtime,
        "PYTHONPATH": runtime,
    }
    # Without site-packages (-S), which have a client, too.
    with running_function(handler="function.handler", layer=layer, options=["-S"], **places) as api:
        metadata, body = read_stream(api.invoke({}))
    assert metadata["headers"] == {"First": "task"}
    assert body.decode() == str(layer / "python" / "awslambdaric" / "__init__.py")


def test_a_managed_instance_s_processes_stream_too():
    with running_function(AWS_LAMBDA_MAX_CONCURRENCY="2") as api:
        posts = [api.invoke(rest_event("/numbers"), request_id=f"r-{number}") for number in range(4)]
    assert all(post.is_streamed for post in posts)


@pytest.mark.parametrize(
    ("status", "logged"), [(202, []), (413, ["The runtime API responded 413 to the stream of r-1"])]
)
def test_a_stream_that_the_runtime_api_refuses_is_logged(caplog, status, logged):
    api = RuntimeApi(answers_status=status)
    client = runtime_client.StreamingRuntimeClient(api.address)
    response, content_type = client.marshaller.marshal_response(StreamedResponse(200, {}, [b"body"]))
    client.post_invocation_result("r-1", response, content_type)
    api.stop()
    assert [record.getMessage() for record in caplog.records] == logged

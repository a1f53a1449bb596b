"""`make run`: the whole system on 127.0.0.1, in the foreground, until Ctrl-C."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

import uvicorn

from cli.deployments import services_of_stack
from imagineart.access.consumers import Consumer
from imagineart.access.limits import Limits
from imagineart.access.tokens import TokenKind
from imagineart.settings import SettingsError
from local.child_server import ChildServer, await_listening, launch
from local.chosen_models import ChosenModels, choose_models
from local.cloud import client, create_resources, runtime_variables
from local.function_variables import runtime_environment
from local.gateway import Gateway
from local.gateway_server import GatewayApp
from local.mailbox import VARIABLE as MAILBOX_VARIABLE
from local.queues import EventSources
from local.reference import with_reference
from local.template import PROJECT, WEBSOCKET_PATH, Template, load_template, resolve
from local.websocket_api import WEBSOCKET_OPTIONS

Variables: TypeAlias = Mapping[str, str]

HOST: Final = "127.0.0.1"
CONSUMER: Final = "local"

_KEEP_ALIVE_SECONDS: Final = 60
"""Longer than clients keep idle connections: one that sends as the server closes loses its request."""
_GRACE_SECONDS: Final = 2
"""How long responses may go on after Ctrl-C."""

_MAILBOX: Final = "mailbox.jsonl"
"""Every mail that was sent, a line of JSON each."""

_interrupted: Final = threading.Event()
_AWS_VARIABLES: Final = {"MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": "65536", "MALLOC_MMAP_THRESHOLD_": "131072"}
"""S3 keeps its objects on the disk, and freed buffers go back to the system.

Sources: https://docs.getmoto.org/en/latest/docs/configuration/environment_variables.html and
https://www.gnu.org/software/libc/manual/html_node/Malloc-Tunable-Parameters.html
"""


def write_state(
    folder: Path, base_url: str, token: str, stack: Variables, functions: Mapping[str, Variables]
) -> None:
    """Describe a running stack in files that only their owner can read, since they hold secrets.

    `stack.json` is for the command line, `functions/<name>.env` to start a function by hand under the runtime
    client. `env`, for shells and tests, comes last: a reader that finds it finds the others.
    """
    texts = {"stack.json": json.dumps(stack, indent=2) + "\n"}
    for name, variables in functions.items():
        lines = (f"{key}={shlex.quote(value)}\n" for key, value in sorted(variables.items()))
        texts[f"functions/{name}.env"] = "".join(lines)
    texts["env"] = f"IMAGINEART_BASE_URL={base_url}\nIMAGINEART_TOKEN={token}\n"
    for name, text in texts.items():
        # A draft is renamed, so that a reader sees the whole file or none.
        draft = folder / f"{name}.draft"
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(text)
        draft.replace(folder / name)


def remove_state(folder: Path) -> None:
    """Remove the files that exist."""
    for name in ("env", "stack.json", _MAILBOX):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "functions", ignore_errors=True)


def chosen_port(environment: Variables) -> int:
    """PORT, or 8000; 0 takes any free port. Raises ValueError with a message for the user."""
    text = environment.get("PORT") or "8000"
    if not (text.isascii() and text.isdigit() and int(text) < 65_536):
        raise ValueError(f"PORT: got '{text}'; allowed: 0 to 65535.")
    return int(text)


def main(template: Template | None = None, connect: Callable[..., EventSources] = EventSources) -> int:
    """Serve on PORT until Ctrl-C, by default what template.yaml describes. Returns the exit code.

    `connect` makes what calls functions with messages.
    """
    template = template or load_template()
    try:
        parameters = template.default_parameters()
        bedrock_models = f"{parameters['BedrockModels']},{parameters['BedrockTextModels']}"
        port, models = chosen_port(os.environ), choose_models(os.environ, bedrock_models=bedrock_models)
        listener = socket.create_server((HOST, port), backlog=128)
    except (ValueError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        hint = "Choose another: make run PORT=8001"
        print(f"Port {port} cannot be used ({error.strerror}). {hint}", file=sys.stderr)
        return 1
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _interrupt)
    folder = Path(os.environ.get("IMAGINEART_LOCAL_STATE") or PROJECT / ".local")
    remove_state(folder)
    try:
        with (
            listener,
            contextlib.suppress(KeyboardInterrupt),
            _children(models, folder) as (aws_url, document),
        ):
            _serve(template, connect, listener, aws_url, document, folder)
    finally:
        remove_state(folder)
    return 0


def _interrupt(*_: object) -> None:
    # Python drops an exception that is raised while it finalises an object, as it does during imports.
    _interrupted.set()
    raise KeyboardInterrupt


@contextlib.contextmanager
def _children(chosen: ChosenModels, folder: Path) -> Iterator[tuple[str, str]]:
    """Where AWS is, and the models document; the stand-ins for backends are started where they are needed."""
    folder.mkdir(parents=True, exist_ok=True)
    variables = {**_AWS_VARIABLES, MAILBOX_VARIABLE: str(folder / _MAILBOX)}
    needed = {"local.painter": chosen.needs_painter, "local.bedrock": chosen.needs_bedrock}
    processes = {"aws": launch("local.moto_server", variables=variables)}
    processes |= {name: launch(name) for name, is_needed in needed.items() if is_needed}
    servers = [ChildServer("", process) for process in processes.values()]
    try:
        urls = {name: await_listening(process).url for name, process in processes.items()}
        yield urls["aws"], chosen.text(urls.get("local.painter", ""), urls.get("local.bedrock", ""))
    finally:
        for server in servers:
            server.stop()


def _serve(
    template: Template,
    connect: Callable[..., EventSources],
    listener: socket.socket,
    aws_url: str,
    document: str,
    folder: Path,
) -> None:
    references = create_resources(template, aws_url, {})
    base_url = f"http://{HOST}:{listener.getsockname()[1]}"
    runtime = runtime_variables(aws_url, base_url)
    stack = _stack_variables(template, references) | runtime
    token = _prepare(stack, document)
    functions = {
        function.code.name: runtime_environment(function, references, runtime)
        for function in template.functions.values()
    }
    gateway = Gateway(template, references, runtime, on_cold_start=log_cold_start)
    event_sources = connect(template, references, gateway, client("sqs", aws_url))
    app = with_reference(GatewayApp(gateway))
    config = uvicorn.Config(
        app,
        log_level="warning",
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        **WEBSOCKET_OPTIONS,
    )
    if _interrupted.is_set():
        raise KeyboardInterrupt
    # The port listens already: a request that comes before the server runs waits for it.
    write_state(folder, base_url, token, stack, functions)
    print(_banner(base_url, token), flush=True)
    event_sources.start()
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        event_sources.stop()
        gateway.close()


def log_cold_start(name: str) -> None:
    """Print a line in one piece, since functions start side by side."""
    sys.stdout.write(f"{name}: cold start\n")
    sys.stdout.flush()


def _banner(base_url: str, token: str) -> str:
    return f"""
ImagineArt API on {base_url}
Reference: {base_url}/docs
WebSocket of Runware's task API: {base_url.replace("http", "ws", 1)}{WEBSOCKET_PATH}
Token: {token}

curl -X POST {base_url}/v1/images/generations \\
  -H "Authorization: Bearer {token}" \\
  -F "prompt=A sailing boat on a violet sea at golden sunset" \\
  -F "aspect_ratio=3:2" -F "reasoning=high" \\
  --output image.png

Images come from the painter and a stand-in for Bedrock, and text, speech, music and videos from the studio:
none is a model. IMAGINEART_GENERATION_BACKENDS and IMAGINEART_EDIT_BACKENDS name backends of your own for
images, and IMAGINEART_MODELS names a models document.
Ctrl-C stops everything.
"""


def _stack_variables(template: Template, references: dict[str, str]) -> dict[str, str]:
    """What the command line needs: tables, secrets, the queue, and what Bedrock models the role allows."""
    variables: dict[str, str] = {}
    for function_id in ("ImagineLabFunction", "DeliverWebhookFunction"):
        variables |= resolve(dict(template.functions[function_id].variables), references)
    return variables | {
        "IMAGINEART_BACKEND_CREDENTIAL_SECRET": references["BackendCredentialSecret"],
        "IMAGINEART_BEDROCK_MODELS": f"{references['BedrockModels']},{references['BedrockTextModels']}",
    }


def _prepare(stack: Variables, document: str) -> str:
    """Apply the models; return the first token, of a consumer with limits that nobody reaches by hand."""
    services = services_of_stack(stack)
    services.manage_models.apply(document)
    services.consumers.add_consumer(Consumer(CONSUMER, Limits(6_000, 100)))
    token, _ = services.manage_tokens.issue(CONSUMER, TokenKind.PARTNER, life_days=None)
    return token.text


def run(serve: Callable[[], int]) -> NoReturn:
    """End this process with the exit code of `serve`, which is `main` with arguments or without."""
    # No one reads metrics on a laptop; the log lines of the requests are enough.
    os.environ.setdefault("POWERTOOLS_METRICS_DISABLED", "true")
    exit_code = serve()
    sys.stdout.flush()
    # Python would wait for the threads of functions that still wait for a backend.
    os._exit(exit_code)


if __name__ == "__main__":
    run(main)

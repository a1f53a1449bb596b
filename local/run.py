"""`make run`: the whole system on 127.0.0.1, in the foreground, until Ctrl-C."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn

from imagineart.adapters.aws_signature import Credentials
from imagineart.bootstrap import OperatorServices
from imagineart.domain.consumers import Consumer
from imagineart.domain.tokens import TokenKind
from imagineart.settings import AccessSettings
from local.child_server import ChildServer, await_listening, launch
from local.cloud import CREDENTIALS, create_resources, runtime_variables
from local.gateway import Gateway
from local.gateway_server import GatewayApp
from local.template import PROJECT, Template, load_template, resolve

HOST: Final = "127.0.0.1"
STATE: Final = PROJECT / ".local"
ENV_FILE: Final = STATE / "env"
STACK_FILE: Final = STATE / "stack.json"
LOCAL_CONSUMER: Final = Consumer("local", requests_per_minute=6_000)


def main() -> int:
    """Serve on PORT (8000 by default) until Ctrl-C; return the exit code."""
    port_text = os.environ.get("PORT") or "8000"
    if not (port_text.isdigit() and int(port_text) < 65_536):
        print(f"PORT: got '{port_text}'; allowed is 0 to 65535.", file=sys.stderr)
        return 2
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, int(port_text)))
    except OSError as error:
        print(
            f"Port {port_text} cannot be used ({error.strerror}). Choose another: make run PORT=8001",
            file=sys.stderr,
        )
        return 1
    _remove_state_files()
    try:
        with _children() as (cloud, painter):
            _serve(listener, cloud, painter)
    finally:
        _remove_state_files()
    return 0


@contextmanager
def _children() -> Iterator[tuple[ChildServer, ChildServer]]:
    """The stand-ins for AWS and for the inference backend, started side by side and stopped together."""
    processes = [launch("local.cloud"), launch("local.painter", "--port", "0")]
    servers = [ChildServer("", process) for process in processes]
    try:
        servers = [await_listening(process) for process in processes]
        yield servers[0], servers[1]
    finally:
        for server in servers:
            server.stop()


def _serve(listener: socket.socket, cloud: ChildServer, painter: ChildServer) -> None:
    template = load_template()
    backend = {
        "BackendUrl": f"{painter.url}/v1",
        "BackendGenerationModel": "painter-generate",
        "BackendEditModel": "painter-edit",
    }
    references = create_resources(template, cloud.url, backend)
    runtime = runtime_variables(cloud.url)
    access = _access_variables(template, references) | runtime
    token = _issue_first_token(access)
    gateway = Gateway(
        template, references, runtime, on_cold_start=lambda name: print(f"{name}: cold start", flush=True)
    )
    config = uvicorn.Config(GatewayApp(gateway), log_level="warning", lifespan="off", server_header=False)
    server = _AnnouncingServer(config, listener, access, token)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        gateway.close()


class _AnnouncingServer(uvicorn.Server):
    """Tells where the API is, on the terminal and in the state files, once requests are served."""

    def __init__(
        self, config: uvicorn.Config, listener: socket.socket, access: dict[str, str], token: str
    ) -> None:
        super().__init__(config)
        self._base_url = f"http://{HOST}:{listener.getsockname()[1]}"
        self._access = access
        self._token = token

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _write(STACK_FILE, json.dumps(self._access, indent=2) + "\n")
        _write(ENV_FILE, f"IMAGINEART_BASE_URL={self._base_url}\nIMAGINEART_TOKEN={self._token}\n")
        print(_banner(self._base_url, self._token), flush=True)


def _banner(base_url: str, token: str) -> str:
    return f"""
ImagineArt API on {base_url}
Token: {token}

curl -X POST {base_url}/v1/images/generations \\
  -H "Authorization: Bearer {token}" \\
  -F "prompt=A lighthouse above a violet sea at golden sunset" \\
  -F "aspect_ratio=3:2" -F "reasoning=high" \\
  --output image.png

Pictures come from the painter, a stand-in that is no model. Ctrl-C stops everything.
"""


def _access_variables(template: Template, references: dict[str, str]) -> dict[str, str]:
    variables = template.functions["ListModelsFunction"].variables
    resolved: dict[str, str] = resolve(dict(variables), references)
    return resolved


def _issue_first_token(access: dict[str, str]) -> str:
    credentials = Credentials(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    services = OperatorServices(AccessSettings.from_mapping(access), lambda: credentials)
    services.consumers.add_consumer(LOCAL_CONSUMER)
    token, _ = services.manage_tokens.issue(LOCAL_CONSUMER.id, TokenKind.PARTNER, life_days=None)
    return token.text


def _write(path: Path, text: str) -> None:
    """Write so that a reader sees the whole file or none; it holds a token, so it is the user's alone."""
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


def _remove_state_files() -> None:
    for path in (ENV_FILE, STACK_FILE):
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())

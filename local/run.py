"""`make run`: the whole system on 127.0.0.1, in the foreground, until Ctrl-C."""

import contextlib
import json
import logging
import os
import shlex
import shutil
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from imagineart.adapters.aws_signature import Credentials
from imagineart.domain.consumers import Consumer
from imagineart.domain.limits import Limits
from imagineart.domain.tokens import TokenKind

from imagineart.bootstrap import OperatorServices
from imagineart.settings import AccessSettings, SettingsError, parse_routes
from local.child_server import ChildServer, await_listening, launch
from local.cloud import CREDENTIALS, MEMORY_VARIABLES, create_resources, runtime_variables
from local.function_variables import runtime_environment
from local.gateway import Gateway
from local.gateway_server import BrokenOffInOneLine, GatewayApp
from local.template import PROJECT, Template, load_template, resolve

HOST: Final = "127.0.0.1"
BACKENDS_VARIABLES: Final = {
    "GenerateImageFunction": "IMAGINEART_GENERATION_BACKENDS",
    "EditImageFunction": "IMAGINEART_EDIT_BACKENDS",
}
BACKENDS_PARAMETERS: Final = {
    "GenerationBackends": "IMAGINEART_GENERATION_BACKENDS",
    "EditBackends": "IMAGINEART_EDIT_BACKENDS",
}
"""Where a variable is set, what it says paints instead of the painter, in the words of the parameter."""

CREDENTIAL_VARIABLE: Final = "IMAGINEART_BACKEND_CREDENTIAL_SECRET"
LOCAL_CONSUMER: Final = Consumer("local", Limits(requests_per_minute=6_000, concurrent_requests=100))


class PortError(ValueError):
    """PORT is no port; the text says what it was and what is allowed."""


@dataclass(frozen=True, slots=True)
class StateFiles:
    """What a running stack tells of itself.

    `env` is for shells and tests, `stack.json` for the command line, and `functions/<name>.env` has what each
    function runs with, so that it can be started by hand under AWS's runtime client. They hold secrets, so
    they are the user's alone, and a reader sees the whole file or none.
    """

    folder: Path

    def write(
        self,
        base_url: str,
        token: str,
        access: Mapping[str, str],
        functions: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Write all; `env` comes last, so that whoever finds it finds everything."""
        self._write("stack.json", json.dumps(access, indent=2) + "\n")
        for name, variables in functions.items():
            lines = [f"{key}={shlex.quote(value)}\n" for key, value in sorted(variables.items())]
            self._write(f"functions/{name}.env", "".join(lines))
        self._write("env", f"IMAGINEART_BASE_URL={base_url}\nIMAGINEART_TOKEN={token}\n")

    def remove(self) -> None:
        """Remove whichever exist."""
        for name in ("env", "stack.json"):
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / "functions", ignore_errors=True)

    def _write(self, name: str, text: str) -> None:
        draft = self.folder / f"{name}.draft"
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(text)
        draft.replace(self.folder / name)


def state_files(environment: Mapping[str, str]) -> StateFiles:
    """The files in `.local`, or in the folder that IMAGINEART_LOCAL_STATE names."""
    named = environment.get("IMAGINEART_LOCAL_STATE")
    return StateFiles(Path(named or PROJECT / ".local"))


def chosen_port(environment: Mapping[str, str]) -> int:
    """PORT, 8000 where it is not set; 0 takes any free port. Raises PortError."""
    text = environment.get("PORT") or "8000"
    if not (text.isascii() and text.isdigit() and int(text) < 65_536):
        raise PortError(f"PORT: got '{text}'; allowed is 0 to 65535.")
    return int(text)


def chosen_backends(environment: Mapping[str, str]) -> dict[str, str]:
    """The template's parameters for backends that are given in place of the painter. Raises SettingsError."""
    given = {
        parameter: text
        for parameter, variable in BACKENDS_PARAMETERS.items()
        if (text := environment.get(variable))
    }
    for text in given.values():
        parse_routes(text)
    return given


def main() -> int:
    """Serve on PORT until Ctrl-C; return the exit code."""
    try:
        port, backends = chosen_port(os.environ), chosen_backends(os.environ)
    except (PortError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 2
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            print(
                f"Port {port} cannot be used ({error.strerror}). Choose another: make run PORT=8001",
                file=sys.stderr,
            )
            return 1
        interruption = _Interruption()
        state = state_files(os.environ)
        state.remove()
        try:
            with contextlib.suppress(KeyboardInterrupt), _children(backends) as (cloud, chosen):
                _serve(listener, cloud, chosen, state, interruption)
        finally:
            state.remove()
    return 0


class _Interruption:
    """Ctrl-C, or a polite kill, which ends everything in the same way.

    Python forgets a KeyboardInterrupt that comes while it finalises an object, as it does during imports, so
    it is remembered here and looked for again before the stack begins to serve.
    """

    def __init__(self) -> None:
        self._came = False
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self._receive)

    def check(self) -> None:
        """Raises KeyboardInterrupt where one came."""
        if self._came:
            raise KeyboardInterrupt

    def _receive(self, *_: object) -> None:
        self._came = True
        raise KeyboardInterrupt


@contextlib.contextmanager
def _children(given: Mapping[str, str]) -> Iterator[tuple[ChildServer, dict[str, str]]]:
    """The stand-in for AWS, and the backends: the `given` ones, else the painter, which is started then.

    The stand-ins are started side by side and stopped together.
    """
    processes = [launch("local.cloud", variables=MEMORY_VARIABLES)]
    if given.keys() < BACKENDS_PARAMETERS.keys():
        processes.append(launch("local.painter", "--port", "0"))
    servers = [ChildServer("", process) for process in processes]
    try:
        servers = [await_listening(process) for process in processes]
        painted = _painter_backends(servers[1].url) if servers[1:] else {}
        yield servers[0], {**painted, **given}
    finally:
        for server in servers:
            server.stop()


def _painter_backends(url: str) -> dict[str, str]:
    return {
        "GenerationBackends": f"openai-compatible {url}/v1 painter-generate response_format=png",
        "EditBackends": f"openai-compatible {url}/v1 painter-edit response_format=png",
    }


def _serve(
    listener: socket.socket,
    cloud: ChildServer,
    backends: dict[str, str],
    state: StateFiles,
    interruption: _Interruption,
) -> None:
    template = load_template()
    references = create_resources(template, cloud.url, backends)
    runtime = runtime_variables(cloud.url)
    access = _access_variables(template, references) | runtime
    token = _issue_first_token(access)
    gateway = Gateway(template, references, runtime, on_cold_start=tell_cold_start)
    config = uvicorn.Config(GatewayApp(gateway), log_level="warning", lifespan="off", server_header=False)
    logging.getLogger("uvicorn.error").addFilter(BrokenOffInOneLine())
    functions = {
        function.code.name: runtime_environment(function, references, runtime)
        for function in template.functions.values()
    }
    server = _AnnouncingServer(config, listener, state, access, token, functions)
    interruption.check()
    try:
        server.run(sockets=[listener])
    finally:
        gateway.close()


def tell_cold_start(name: str) -> None:
    """Print a line, in one piece: functions start side by side, and their logs go the same way."""
    sys.stdout.write(f"{name}: cold start\n")
    sys.stdout.flush()


class _AnnouncingServer(uvicorn.Server):
    """Tells where the API is, on the terminal and in the state files, once requests are served."""

    def __init__(
        self,
        config: uvicorn.Config,
        listener: socket.socket,
        state: StateFiles,
        access: dict[str, str],
        token: str,
        functions: dict[str, dict[str, str]],
    ) -> None:
        super().__init__(config)
        self._state = state
        self._base_url = f"http://{HOST}:{listener.getsockname()[1]}"
        self._access = access
        self._token = token
        self._functions = functions

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._state.write(self._base_url, self._token, self._access, self._functions)
        print(_banner(self._base_url, self._token), flush=True)


def _banner(base_url: str, token: str) -> str:
    return f"""
ImagineArt API on {base_url}
Token: {token}

curl -X POST {base_url}/v1/images/generations \\
  -H "Authorization: Bearer {token}" \\
  -F "prompt=A sailing boat on a violet sea at golden sunset" \\
  -F "aspect_ratio=3:2" -F "reasoning=high" \\
  --output image.png

Pictures come from the painter, a stand-in that is no model, unless IMAGINEART_GENERATION_BACKENDS and
IMAGINEART_EDIT_BACKENDS name backends of your own. Ctrl-C stops everything.
"""


def _access_variables(template: Template, references: dict[str, str]) -> dict[str, str]:
    variables = template.functions["ListModelsFunction"].variables
    resolved: dict[str, str] = resolve(dict(variables), references)
    for function_id, name in BACKENDS_VARIABLES.items():
        resolved[name] = resolve(template.functions[function_id].variables["IMAGINEART_BACKENDS"], references)
    resolved[CREDENTIAL_VARIABLE] = references["BackendCredentialSecret"]
    return resolved


def _issue_first_token(access: dict[str, str]) -> str:
    credentials = Credentials(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    services = OperatorServices(AccessSettings.from_mapping(access), lambda: credentials)
    services.consumers.add_consumer(LOCAL_CONSUMER)
    token, _ = services.manage_tokens.issue(LOCAL_CONSUMER.id, TokenKind.PARTNER, life_days=None)
    return token.text


if __name__ == "__main__":
    # Nobody watches a laptop; the request lines say it all.
    os.environ.setdefault("POWERTOOLS_METRICS_DISABLED", "true")
    sys.exit(main())

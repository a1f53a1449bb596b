"""The emulator of AWS in a process of its own, with nothing of this one's environment and IAM enforced."""

import contextlib
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.rehearsal.steps import StepError, end_session, tail
from local.template import PROJECT

HOST: Final = "127.0.0.1"
REGION: Final = "us-east-1"
PYTHON: Final = PROJECT / ".venv-rehearsal" / "bin" / "python"
_PROGRAM: Final = Path(__file__).with_name("ministack_process.py")
_READY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator."""

    url: str

    @property
    def client_variables(self) -> dict[str, str]:
        """What AWS's tools need to work on it as its administrator."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def environment_without_aws() -> dict[str, str]:
    """This process's environment with nothing of AWS, so that nothing started with it reaches an account."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_CLI_"))}
    return own | {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


@contextlib.contextmanager
def emulated_aws(folder: Path, log: Path) -> Iterator[Emulator]:
    """An empty emulator on a free port of the loopback, all of its files in `folder`. Raises StepError."""
    functions_python = folder / "functions-python"
    subprocess.run([PYTHON, "-I", "-m", "venv", "--without-pip", functions_python], check=True)
    port = _free_port()
    with log.open("w") as written:
        process = subprocess.Popen(
            [PYTHON, "-I", _PROGRAM, functions_python / "bin" / "python"],
            cwd=folder,
            env=_variables(folder, port),
            stdin=subprocess.PIPE,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://{HOST}:{port}"
        _await_ready(process, url, log)
        yield Emulator(url)
    finally:
        end_session(process)
        if process.stdin:
            process.stdin.close()


def _variables(folder: Path, port: int) -> dict[str, str]:
    """Ministack's whole environment, which its functions inherit."""
    for name in ("tmp", "s3", "state"):
        (folder / name).mkdir()
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "AWS_DEFAULT_REGION": REGION,
        # Roles may do what their policies say, and nothing else.
        "AUTH": "true",
        # Both would listen beyond the loopback.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # Each worker unzips its layers: more at a time would fill the disk.
        "LAMBDA_ACCOUNT_CONCURRENCY": "16",
        "S3_DATA_DIR": str(folder / "s3"),
        "STATE_DIR": str(folder / "state"),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _await_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        if process.poll() is not None:
            raise StepError(f"The emulator ended as it started; the end of {log}:\n{tail(log)}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/_ministack/ready", timeout=_POLL_SECONDS * 10).close()
            return
        if time.monotonic() > deadline:
            raise StepError(
                f"The emulator did not start in {_READY_SECONDS:g} seconds; the end of {log}:\n{tail(log)}"
            )
        time.sleep(_POLL_SECONDS)

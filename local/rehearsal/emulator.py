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
from typing import Any, Final

import boto3

from local.rehearsal.steps import StepError, end_session, tail
from local.template import PROJECT

HOST: Final = "127.0.0.1"
REGION: Final = "us-east-1"
_PYTHON: Final = PROJECT / ".venv-rehearsal" / "bin" / "python"
_PROGRAM: Final = Path(__file__).with_name("ministack_process.py")
_START_SECONDS: Final = 180.0
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

    def client(self, service: str) -> Any:
        """A boto3 client of its administrator."""
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, region_name=REGION, endpoint_url=self.url, **keys)


def environment_without_aws() -> dict[str, str]:
    """This process's environment with nothing of AWS, so that nothing started with it reaches an account."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_CLI_"))}
    return own | {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


@contextlib.contextmanager
def emulated_aws(folder: Path, log: Path) -> Iterator[Emulator]:
    """An empty emulator on a free port of the loopback, all of its files in `folder`. Raises StepError."""
    functions_python = folder / "functions-python"
    subprocess.run([_PYTHON, "-I", "-m", "venv", "--without-pip", functions_python], check=True)
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    with log.open("w") as output:
        process = subprocess.Popen(
            [_PYTHON, "-I", _PROGRAM, functions_python / "bin" / "python"],
            cwd=folder,
            env=_variables(folder, port),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        emulator = Emulator(f"http://{HOST}:{port}")
        _await_ready(process, emulator, log)
        yield emulator
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
        "S3_DATA_DIR": str(folder / "s3"),
        "STATE_DIR": str(folder / "state"),
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
    }


def _await_ready(process: "subprocess.Popen[bytes]", emulator: Emulator, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{emulator.url}/_ministack/ready", timeout=_START_SECONDS).close()
            return
        time.sleep(_POLL_SECONDS)
    raise StepError(f"The emulator did not start; the end of {log}:\n{tail(log)}")

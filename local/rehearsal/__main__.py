"""`make rehearse`: build, deploy, test end to end, delete, all on this machine and in one go."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from local.child_server import ChildServer, await_listening, launch
from local.rehearsal.deployment import (
    SAM,
    build_step,
    check_deleted,
    delete_step,
    deploy_step,
    mend_deployment,
    write_function_logs,
)
from local.rehearsal.emulator import PYTHON, emulated_aws, environment_without_aws
from local.rehearsal.end_to_end import suite_steps, write_target
from local.rehearsal.steps import Step, StepError
from local.template import PROJECT

FOLDER: Final = PROJECT / ".local" / "rehearsal"


def main(arguments: Sequence[str]) -> int:
    """Rehearse; `arguments` go to pytest. Return the exit code."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return _fail("Another rehearsal is under way in this folder; wait for its end.")
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, _interrupt)
        started = time.monotonic()
        try:
            check_interpreters()
            with _run_folder() as run:
                rehearse(run, FOLDER / "logs", arguments)
        except StepError as error:
            return _fail(str(error))
        except (BotoCoreError, ClientError, LookupError, ValueError) as error:
            return _fail(f"The emulator did not do as AWS does: {error!r}. Look at {FOLDER / 'logs'}.")
        except KeyboardInterrupt:
            return _fail("Interrupted; nothing of the rehearsal is left but its logs.", code=130)
        _tell(f"Rehearsed in {time.monotonic() - started:.0f} s; logs are in {FOLDER / 'logs'}.")
    return 0


def check_interpreters() -> None:
    """Raises StepError where functions cannot run: on another system than Lambda's, or on another Python."""
    if sys.platform != "linux":
        raise StepError(
            f"Linux is needed, since the layer's compiled code is for it; this is {sys.platform}."
        )
    for python in (PYTHON, SAM.with_name("python")):
        version = subprocess.run(
            [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True, text=True, check=False,
        ).stdout.strip()  # fmt: skip
        if version != "3.13":
            raise StepError(
                f"CPython 3.13, the functions' Python, is needed, and {python} is {version or 'missing'}. "
                "Install it where `make environment` looks (PATH, pyenv, uv), then remove that environment."
            )


def rehearse(run: Path, logs: Path, arguments: Sequence[str]) -> None:
    """All steps in order. Raises StepError at the first that fails."""
    _tell("Starting the emulator and the painter")
    with emulated_aws(run, logs / "emulator.log") as emulator, _painter() as painter:
        for step in (
            build_step(run / "build", emulator),
            deploy_step(run / "build", emulator, backends(painter.url)),
        ):
            _take(step, logs, run)
        deployed = mend_deployment(emulator)
        target = write_target(run, emulator, deployed)
        try:
            for step in suite_steps(target, arguments):
                _take(step, logs, PROJECT)
        finally:
            # The emulator may be what failed.
            with contextlib.suppress(BotoCoreError, ClientError):
                write_function_logs(emulator, logs / "functions.log")
        _take(delete_step(emulator), logs, run)
        check_deleted(emulator)


def backends(painter_url: str) -> dict[str, str]:
    """The template's parameters that name what paints."""
    route = f"openai-compatible {painter_url}/v1"
    return {
        "GenerationBackends": f"{route} painter-generate response_format=png",
        "EditBackends": f"{route} painter-edit response_format=png",
    }


@contextlib.contextmanager
def _painter() -> Iterator[ChildServer]:
    process = launch("local.painter", "--port", "0")
    server = ChildServer("", process)
    try:
        server = await_listening(process)
        yield server
    except RuntimeError as error:
        raise StepError(f"The painter did not start: {error}") from error
    finally:
        server.stop()


@contextlib.contextmanager
def _run_folder() -> Iterator[Path]:
    """An empty folder for everything but the logs, removed at the end; a killed run's leftovers go first."""
    run, logs = FOLDER / "run", FOLDER / "logs"
    for leftover in (run, logs):
        shutil.rmtree(leftover, ignore_errors=True)
        leftover.mkdir()
    try:
        yield run
    finally:
        shutil.rmtree(run, ignore_errors=True)


def _take(step: Step, logs: Path, folder: Path) -> None:
    _tell(f"{step.name} ...")
    _tell(f"{step.name}: {step.run(logs, folder):.0f} s")


def _interrupt(*_: object) -> None:
    # Once is enough: what follows is the clearing up.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _tell(text: str) -> None:
    print(text, flush=True)


def _fail(text: str, *, code: int = 1) -> int:
    print(f"Rehearsal: {text}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    # What boto3 would read in this process.
    kept = environment_without_aws()
    os.environ.clear()
    os.environ.update(kept)
    sys.exit(main(sys.argv[1:]))

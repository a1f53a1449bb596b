"""`make rehearse`: build, deploy, test end to end and delete, all on this machine and in one go."""

import contextlib
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from local.child_server import ChildServer, await_listening, launch
from local.rehearsal.deployment import (
    build_step,
    check_deleted,
    correct_deployment,
    delete_step,
    deploy_step,
    write_function_logs,
)
from local.rehearsal.emulator import emulated_aws, environment_without_aws
from local.rehearsal.end_to_end import suite_steps, write_target
from local.rehearsal.steps import Step
from local.template import PROJECT

FOLDER: Final = PROJECT / ".local" / "rehearsal"


def main(arguments: Sequence[str]) -> int:
    """Rehearse; `arguments` go to pytest. Return the exit code."""
    if sys.platform != "linux":
        return _fail(f"Linux is needed, since the layer's compiled code is for it; this is {sys.platform}.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return _fail("Another rehearsal is running in this folder; wait for its end.")
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, _interrupt)
        started = time.monotonic()
        try:
            with _run_folder() as run:
                rehearse(run, FOLDER / "logs", arguments)
        except RuntimeError as error:
            return _fail(str(error))
        except (BotoCoreError, ClientError, LookupError, ValueError) as error:
            return _fail(f"The emulator did not do as AWS does: {error!r}. Look at {FOLDER / 'logs'}.")
        except KeyboardInterrupt:
            return _fail("Interrupted; nothing of the rehearsal is left but its logs.", code=130)
        _report(f"Rehearsed in {time.monotonic() - started:.0f} s; logs are in {FOLDER / 'logs'}.")
    return 0


def rehearse(run: Path, logs: Path, arguments: Sequence[str]) -> None:
    """All steps in order. Raises StepError at the first that fails."""
    _report("Starting the emulator and the painter")
    with emulated_aws(run, logs / "emulator.log") as emulator, _painter() as painter_url:
        _take(build_step(run / "build", emulator), logs, run)
        _take(deploy_step(run / "build", emulator), logs, run)
        target = write_target(run, emulator, correct_deployment(emulator), painter_url)
        try:
            for step in suite_steps(target, arguments):
                _take(step, logs, PROJECT)
        finally:
            # The emulator may be what failed.
            with contextlib.suppress(BotoCoreError, ClientError):
                write_function_logs(emulator, logs / "functions.log")
        _take(delete_step(emulator), logs, run)
        check_deleted(emulator)


@contextlib.contextmanager
def _painter() -> Iterator[str]:
    process = launch("local.painter", "--port", "0")
    try:
        yield await_listening(process).url
    finally:
        ChildServer("", process).stop()


@contextlib.contextmanager
def _run_folder() -> Iterator[Path]:
    """An empty folder for everything but the logs, removed at the end; what a killed run left goes first."""
    run, logs = FOLDER / "run", FOLDER / "logs"
    for each in (run, logs):
        shutil.rmtree(each, ignore_errors=True)
        each.mkdir()
    try:
        yield run
    finally:
        shutil.rmtree(run, ignore_errors=True)


def _take(step: Step, logs: Path, folder: Path) -> None:
    _report(f"{step.name} ...")
    _report(f"{step.name}: {step.run(logs, folder):.0f} s")


def _interrupt(*_: object) -> None:
    # Once is enough: what follows is the cleaning up.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _report(text: str) -> None:
    print(text, flush=True)


def _fail(text: str, *, code: int = 1) -> int:
    print(f"Rehearsal: {text}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    # boto3 reads this process's environment.
    kept = environment_without_aws()
    os.environ.clear()
    os.environ.update(kept)
    sys.exit(main(sys.argv[1:]))

"""Failures of commands: exit codes, messages, and the confirmation of what cannot be undone."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Annotated, Final, NoReturn

import typer

from cli.deployments import DeploymentError
from cli.printing import print_note
from imagineart.errors import ImagineArtError, InvalidRequestError, NotFoundError
from imagineart.models.manage_models import ChangedMeanwhileError
from imagineart.models.read_document import InvalidModelsError
from imagineart.settings import SettingsError


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    WRONG_USE = 2
    NOT_FOUND = 3
    DECLINED = 4


EXIT_CODES_HELP: Final = (
    f"Exit codes: {ExitCode.DONE:d} done; {ExitCode.FAILED:d} the deployment failed or could not be reached; "
    f"{ExitCode.WRONG_USE:d} wrong use, such as a bad option or a value out of bounds; "
    f"{ExitCode.NOT_FOUND:d} no such consumer, token, pepper, version or webhook; "
    f"{ExitCode.DECLINED:d} not confirmed."
)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


@contextmanager
def reported_failures() -> Iterator[None]:
    """Turn what a command raises into a message and an exit code."""
    try:
        yield
    except InvalidRequestError as error:
        _fail(error.message, ExitCode.WRONG_USE)
    except NotFoundError as error:
        _fail(str(error), ExitCode.NOT_FOUND)
    except ImagineArtError as error:
        _fail(error.detail or error.message, ExitCode.FAILED)
    except InvalidModelsError as error:
        _fail(str(error), ExitCode.WRONG_USE)
    except (ChangedMeanwhileError, DeploymentError, SettingsError) as error:
        _fail(str(error), ExitCode.FAILED)


def confirm(question: str, *, yes: bool) -> None:
    """Ask for confirmation, unless `yes`; without it the command ends."""
    if yes:
        return
    # click's own prompt writes to stdout, which is for the command's output.
    print_note(f"{question} This cannot be undone. [y/N]:", end=" ")
    if not _agrees():
        print_note("Declined; nothing was changed.")
        raise typer.Exit(ExitCode.DECLINED)


def _agrees() -> bool:
    try:
        # A command may be started without stdin.
        reply = sys.stdin.readline() if sys.stdin else ""
    except (KeyboardInterrupt, OSError, ValueError):
        reply = ""
    if not reply.endswith("\n"):
        print_note("")
    return reply.strip().lower() in ("y", "yes")


def _fail(message: str, code: ExitCode) -> NoReturn:
    print_note(message, style="red")
    raise typer.Exit(code)

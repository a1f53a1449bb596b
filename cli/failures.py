"""How a command ends where it does not do what it was asked: exit codes, messages, and the question before
something is destroyed.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Annotated, Final, NoReturn

import typer

from cli.deployments import DeploymentError
from cli.printing import tell
from imagineart.domain.errors import ImagineArtError, InvalidRequestError
from imagineart.settings import SettingsError
from imagineart.use_cases.not_found import NotFoundError


class ExitCode(IntEnum):
    """What a command's end means to the program that ran it."""

    DONE = 0
    FAILED = 1
    WRONG_USE = 2
    NOT_FOUND = 3
    DECLINED = 4


EXIT_CODES_HELP: Final = (
    f"Exit codes: {ExitCode.DONE:d} done; {ExitCode.FAILED:d} the deployment failed or could not be reached; "
    f"{ExitCode.WRONG_USE:d} wrong use, as a bad option or a value that is refused; "
    f"{ExitCode.NOT_FOUND:d} no such consumer, token or pepper; {ExitCode.DECLINED:d} not confirmed."
)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@contextmanager
def failures_told() -> Iterator[None]:
    """Turn what a command raises into a message and an exit code."""
    try:
        yield
    except InvalidRequestError as error:
        _fail(error.message, ExitCode.WRONG_USE)
    except NotFoundError as error:
        _fail(str(error), ExitCode.NOT_FOUND)
    except ImagineArtError as error:
        _fail(error.detail or error.message, ExitCode.FAILED)
    except (DeploymentError, SettingsError) as error:
        _fail(str(error), ExitCode.FAILED)


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless `yes`; whoever does not agree, or cannot, ends the command."""
    if yes:
        return
    # click's own prompt writes to stdout, which is for what the command shows.
    tell(f"{question} This cannot be undone. [y/N]:", end=" ")
    if not _agrees():
        tell("Declined; nothing was changed.")
        raise typer.Exit(ExitCode.DECLINED)


def _agrees() -> bool:
    try:
        # There is none where the command was started without.
        answer = sys.stdin.readline() if sys.stdin else ""
    except (KeyboardInterrupt, OSError, ValueError):
        answer = ""
    if not answer.endswith("\n"):
        tell("")
    return answer.strip().lower() in ("y", "yes")


def _fail(message: str, code: ExitCode) -> NoReturn:
    tell(message, style="red")
    raise typer.Exit(code)

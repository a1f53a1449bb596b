"""A mailbox before the stand-in for SES, which checks what is sent and delivers nothing."""

import io
import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from local.wsgi_server import Application

VARIABLE: Final = "IMAGINEART_LOCAL_MAILBOX"
"""The file to which `print_mail` appends each mail, as a line of JSON."""

_SEND_EMAIL: Final = ("POST", "/v2/email/outbound-emails")


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """A mail as its reader sees it."""

    to: str
    sender: str
    subject: str
    text: str


def with_mailbox(application: Application, keep: Callable[[ReceivedMail], None]) -> Application:
    """The application, with every mail kept that it accepts."""

    def respond(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) != _SEND_EMAIL:
            return application(environ, start_response)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))

        def start(status: str, *rest: Any) -> Any:
            if status.startswith("200"):
                keep(_read_mail(json.loads(body)))
            return start_response(status, *rest)

        return application({**environ, "wsgi.input": io.BytesIO(body)}, start)

    return respond


def print_mail(mail: ReceivedMail) -> None:
    """Show a mail, and append it to the file that the environment names."""
    print(f"\nMail to {mail.to}: {mail.subject}\n\n{mail.text}", file=sys.stderr, flush=True)
    path = os.environ.get(VARIABLE)
    if path:
        # Only its owner can read it, since its links set passwords.
        with open(os.open(Path(path), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as mailbox:
            mailbox.write(json.dumps(asdict(mail)) + "\n")


def _read_mail(sent: dict[str, Any]) -> ReceivedMail:
    simple = sent["Content"]["Simple"]
    return ReceivedMail(
        to=", ".join(sent["Destination"]["ToAddresses"]),
        sender=sent["FromEmailAddress"],
        subject=simple["Subject"]["Data"],
        text=simple["Body"]["Text"]["Data"],
    )

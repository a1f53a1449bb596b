"""The checks of a deployment, with a consumer of their own."""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from cli.acceptance.aws_checks import move_an_alias, send_an_alarm
from cli.acceptance.http_checks import (
    deliver_a_large_image,
    refuse_an_upload_of_another_length,
    respond_with_an_error,
    revoke_a_token_sent_over_plain_http,
    survive_a_reader_that_leaves,
)
from cli.acceptance.model import Finding, Subject, Verdict, failed
from cli.printing import show_line
from cli.services import OperatorServices
from imagineart.access.manage_consumers import ConsumerChange
from imagineart.access.tokens import TokenKind
from imagineart.errors import ImagineArtError, NotFoundError

Check = Callable[[Subject], Finding]

_WAIT_SECONDS: Final = 300.0
_LIMITS: Final = ConsumerChange(requests_per_minute=60, concurrent_requests=1, images_per_day=10)


def accept(services: OperatorServices, stack: str | None, *, updates_stack: bool) -> dict[str, Finding]:
    """Make every check and print what it saw as it ends; returns the findings.

    The checks have a consumer of their own, which is removed at the end and after Ctrl-C. Raises
    ImagineArtError where it cannot be made or removed.
    """
    checks: dict[str, Check] = {
        "An image over 10 MB": deliver_a_large_image,
        "A reader that leaves": survive_a_reader_that_leaves,
        "An error before the first byte": respond_with_an_error,
        "An upload of another length": refuse_an_upload_of_another_length,
        "A token over plain HTTP": revoke_a_token_sent_over_plain_http,
        "An alarm that sends mail": send_an_alarm,
        "A parameter that moves the alias": partial(move_an_alias, is_allowed=updates_stack),
    }
    findings = {}
    with _temporary_subject(services, stack) as subject:
        for name, check in checks.items():
            findings[name] = _try(check, subject)
            _show(name, findings[name])
    return findings


def _show(name: str, finding: Finding) -> None:
    style = {Verdict.HELD: "green", Verdict.FAILED: "red", Verdict.NOT_SHOWN: "yellow"}[finding.verdict]
    show_line(f"{name}: {finding.verdict}: {finding.seen}", style=style)
    if finding.advice:
        show_line(f"  {finding.advice}", style=style)


def _try(check: Check, subject: Subject) -> Finding:
    try:
        return check(subject)
    # ValueError, LookupError: a response that is not what it should be, such as a damaged PNG.
    except (httpx.HTTPError, ImagineArtError, BotoCoreError, ClientError, ValueError, LookupError) as error:
        detail = error.detail if isinstance(error, ImagineArtError) else None
        seen = detail or f"{type(error).__name__}: {error}"
        return failed(seen, "Search the logs for the request: docs/operating.md#logs.")


@contextlib.contextmanager
def _temporary_subject(services: OperatorServices, stack: str | None) -> Iterator[Subject]:
    consumer_id = f"acceptance-{secrets.token_hex(4)}"
    try:
        services.manage_consumers.create(consumer_id, _LIMITS)
        token, _ = services.manage_tokens.issue(consumer_id, TokenKind.PARTNER, life_days=1)
        headers = {"Authorization": f"Bearer {token.text}"}
        with httpx.Client(
            base_url=services.base_url,
            headers=headers,
            timeout=_WAIT_SECONDS,
            # The local stack is on this machine, where no proxy is needed.
            trust_env=stack is not None,
        ) as client:
            yield Subject(services, stack, consumer_id, client)
    finally:
        # Each step is taken also where the one before fails.
        try:
            with contextlib.suppress(NotFoundError):
                services.manage_tokens.revoke_all(consumer_id)
        finally:
            services.manage_consumers.remove(consumer_id)

"""What a check works with, and how it ends."""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final

import httpx

from cli.services import OperatorServices


class Verdict(StrEnum):
    """How a check ended; `NOT_SHOWN` where it cannot be made on this deployment, or was not asked for."""

    HELD = "held"
    FAILED = "failed"
    NOT_SHOWN = "not shown here"


@dataclass(frozen=True)
class Finding:
    """What a check saw; `advice` says what to do where it failed."""

    verdict: Verdict
    seen: str
    advice: str = ""


held: Final = partial(Finding, Verdict.HELD)
failed: Final = partial(Finding, Verdict.FAILED)
not_shown: Final = partial(Finding, Verdict.NOT_SHOWN)


@dataclass(frozen=True)
class Subject:
    """The deployment that is checked; `stack` is its CloudFormation stack, None for the local stack.

    `client` has a token of `consumer_id`, a consumer of the checks alone, with one image request at a time.
    """

    services: OperatorServices
    stack: str | None
    consumer_id: str
    client: httpx.Client

    def aws(self, service: str) -> Any:
        """A boto3 client in the stack's region."""
        clients = self.services.clients
        return clients.session.client(service, endpoint_url=clients.endpoint_url)

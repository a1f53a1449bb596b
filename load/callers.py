"""A caller: sends orders, one after another, and writes down what became of each.

It knows no load generator, so that whoever drives it (locust, threads of a test) does only that.
"""

import http.client
import json
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from load.answers import ReceivedAnswer, judge
from load.journals import Answered, Journal, Sent
from load.orders import MIX, WRONG_TOKENS_WEIGHT, Order, wrong_token

PATIENCE_SECONDS: Final = 60.0
"""Whoever gets nothing for so long has lost its request."""

CALLERS_FILE: Final = "callers.json"

_KEPT_ALIVE_SECONDS: Final = 3.0
"""The gateway hangs up on connections that are idle for longer than five."""

_FAILURES: Final = (http.client.HTTPException, OSError)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a caller is: its name, the consumer it belongs to, and its token.

    `in_crowd` tells that its consumer makes more requests at a time than it may.
    """

    name: str
    consumer: str
    token: str
    requests_per_minute: int
    in_crowd: bool = False


def write_identities(file: Path, identities: list[Identity]) -> None:
    """Keep them in a file for the user alone."""
    file.touch(mode=0o600)
    file.write_text(json.dumps([asdict(each) for each in identities]))


def read_identities(file: Path) -> list[Identity]:
    """The identities that were written."""
    return [Identity(**fields) for fields in json.loads(file.read_text())]


@dataclass(frozen=True, slots=True)
class Call:
    """One request and its end, for whoever counts."""

    sent: Sent
    answered: Answered


@dataclass(frozen=True, slots=True)
class Ended:
    """How a request ended, and the body of its answer."""

    answered: Answered
    body: bytes


class Caller:
    """Sends requests on a connection of its own; `on_call` is told of each when it has ended."""

    def __init__(
        self,
        identity: Identity,
        base_url: str,
        journal: Journal,
        dice: random.Random,
        on_call: Callable[[Call], None] = lambda _: None,
    ) -> None:
        url = urlsplit(base_url)
        self._identity = identity
        self._journal = journal
        self._dice = dice
        self._on_call = on_call
        self._connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=PATIENCE_SECONDS)
        self._last_used = 0.0

    def act(self) -> None:
        """Make one request of the mix and check its answer; a keyed one is made twice."""
        dice, name = self._dice, self._identity.name
        weights = [weight for weight, _ in MIX.values()]
        kind = dice.choices([*MIX, None], [*weights, WRONG_TOKENS_WEIGHT])[0]
        order = MIX[kind][1](dice, name) if kind else wrong_token(dice, name, self._identity.token)
        first = self.send(order)
        if "Idempotency-Key" in order.headers:
            self.send(order, after=first)

    def send(self, order: Order, after: Ended | None = None) -> Ended:
        """Send a request, `after` an earlier one under the same key or by itself, and note how it ended."""
        sent = self._announce(order)
        self._journal.note(sent)
        started = time.monotonic()
        received = self._exchange(order)
        seconds = time.monotonic() - started
        if isinstance(received, ReceivedAnswer):
            ended = Ended(self._judge(sent.id, received, order, seconds, after), received.body)
        else:
            ended = Ended(received.ended(sent.id, seconds), b"")
        self._journal.note(ended.answered)
        self._on_call(Call(sent, ended.answered))
        return ended

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _announce(self, order: Order) -> Sent:
        expected = order.pictures
        return Sent(
            id=uuid.uuid4().hex,
            caller=self._identity.name,
            consumer=self._identity.consumer,
            kind=order.kind,
            model=order.model,
            prompt=expected.prompt_digest.hex() if expected else "",
            pictures=expected.count if expected else 0,
            keyed="Idempotency-Key" in order.headers,
        )

    def _judge(
        self, request: str, received: ReceivedAnswer, order: Order, seconds: float, after: Ended | None
    ) -> Answered:
        verdict = judge(
            received,
            order,
            requests_per_minute=self._identity.requests_per_minute,
            may_find_no_slot=self._identity.in_crowd,
        )
        return Answered(
            request,
            verdict.ending,
            received.status,
            seconds,
            len(received.body),
            received.headers.get("x-request-id", ""),
            received.headers.get("x-ratelimit-resource", ""),
            verdict.serials,
            (*verdict.problems, *_problems_of_retry(verdict.ending, received.body, after)),
        )

    def _exchange(self, order: Order) -> "ReceivedAnswer | _Failure":
        connection = self._connection
        if time.monotonic() - self._last_used > _KEPT_ALIVE_SECONDS:
            connection.close()
        token = self._identity.token if order.token is None else order.token
        headers = {**order.headers, **({"Authorization": f"Bearer {token}"} if token else {})}
        response = None
        try:
            connection.request(order.method, order.path, order.body, headers)
            response = connection.getresponse()
            body = response.read()
        except _FAILURES as error:
            connection.close()
            begun = {} if response is None else {name.lower(): value for name, value in response.getheaders()}
            return _Failure(0 if response is None else response.status, begun, repr(error)[:200])
        finally:
            self._last_used = time.monotonic()
        return ReceivedAnswer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, body
        )


def _problems_of_retry(ending: str, body: bytes, after: Ended | None) -> tuple[str, ...]:
    """What is wrong with an answer that came under an Idempotency-Key after an earlier one."""
    if after is None or after.answered.ending != "ok":
        return ("a replay of nothing",) if ending == "replayed" else ()
    if ending != "replayed":
        return ("painted anew under the same key",) if ending == "ok" else (f"a replay refused: {ending}",)
    return () if body == after.body else ("a replay that differs from the first answer",)


@dataclass(frozen=True, slots=True)
class _Failure:
    """No answer (status 0), or one that broke off."""

    status: int
    headers: dict[str, str]
    reason: str

    def ended(self, request: str, seconds: float) -> Answered:
        """How the request ended: an answer that breaks off is for others to explain, none is a loss."""
        return Answered(
            request,
            "broken" if self.status else "lost",
            self.status,
            seconds,
            request_id=self.headers.get("x-request-id", ""),
            limit=self.headers.get("x-ratelimit-resource", ""),
            problems=() if self.status else (f"no answer: {self.reason}",),
        )

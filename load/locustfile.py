"""The load profile for locust: each of its users is one caller, who asks again as soon as it has an answer.

Locust starts and stops the callers and counts; what they ask, and whether the answers are right, is
`load.callers`' and `load.answers`' affair.
"""

import itertools
import os
import random
from pathlib import Path

from locust import User, constant, events, task

from load.callers import CALLERS_FILE, Call, Caller, read_identities
from load.journals import REQUESTS_FILE, Journal

FOLDER = Path(os.environ["IMAGINEART_LOAD_FOLDER"])
SEED = int(os.environ.get("IMAGINEART_LOAD_SEED", "1"))

identities = iter(read_identities(FOLDER / CALLERS_FILE))
numbers = itertools.count()
journal = Journal(FOLDER / REQUESTS_FILE)


def count(call: Call) -> None:
    """Tell locust of a request; a right answer is a success, also where it says that the backend failed."""
    problems = "; ".join(call.answered.problems)
    events.request.fire(
        request_type=call.sent.model,
        name=call.sent.kind,
        response_time=call.answered.seconds * 1000,
        response_length=call.answered.body_bytes,
        exception=AssertionError(problems) if problems else None,
        context={},
    )


class ApiUser(User):
    """One caller with a token of its own."""

    wait_time = constant(0)

    def on_start(self) -> None:
        dice = random.Random(f"{SEED}:{next(numbers)}")
        self.caller = Caller(next(identities), self.host or "", journal, dice, count)

    def on_stop(self) -> None:
        self.caller.close()

    @task
    def act(self) -> None:
        self.caller.act()

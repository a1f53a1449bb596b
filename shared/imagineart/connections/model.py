"""A connection belongs to a consumer, and to a session, which outlasts it: a client may resume it.

Times are in Unix seconds.
"""

import uuid
from dataclasses import dataclass
from typing import Final

from imagineart.images.seeds import RandomBelow

RESUME_SECONDS: Final = 120
"""For how long what could not be delivered is kept for a client that resumes its session."""

CONNECTION_SECONDS: Final = 7200
"""How long a connection lasts at most.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
"""

MAX_MESSAGE_BYTES: Final = 128 * 1024
"""The largest message that API Gateway sends or receives."""

_UUID_BITS: Final = 128


@dataclass(frozen=True, slots=True)
class Connection:
    """An authenticated connection; `token_id` names the token that its client sent."""

    id: str
    consumer_id: str
    token_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class Session:
    """A session, its latest connection, and the jobs whose results could not be delivered to it."""

    id: str
    consumer_id: str
    connection_id: str
    undelivered: frozenset[str] = frozenset()


def create_session_id(random_below: RandomBelow) -> str:
    """The id of a new session; `random_below` must be strong."""
    return str(uuid.UUID(int=random_below(2**_UUID_BITS), version=4))


def is_session_id(text: str) -> bool:
    """Whether `text` can be the id of a session."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False

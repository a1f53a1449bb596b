"""What a run writes down, a JSON document a line: what was sent, what was answered, what was painted."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from load.faults import Fate

REQUESTS_FILE = "requests.jsonl"
PAINTINGS_FILE = "paintings.jsonl"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request on its way. `prompt` is the digest of its prompt in hexadecimal, empty where it has none.

    It asks for `pictures`; `keyed` tells that it carries an Idempotency-Key.
    """

    id: str
    caller: str
    consumer: str
    kind: str
    model: str
    prompt: str = ""
    pictures: int = 0
    keyed: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The end of request `id`.

    `ending` is what the account of the service calls it (``ok``, ``replayed``, an error's code), ``broken``
    where the answer broke off, or ``lost`` where none came. `limit` is what X-RateLimit-Resource names,
    `serials` are those of the pictures in it, and `problems` what is wrong with the answer.
    """

    id: str
    ending: str
    status: int
    seconds: float
    body_bytes: int = 0
    request_id: str = ""
    limit: str = ""
    serials: Sequence[int] = ()
    problems: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Painted:
    """What the backend did to request `number`; `serial` is that of its picture, if it has one.

    `prompt` is the digest in hexadecimal; `sent` tells that the backend could send all that it meant to.
    """

    number: int
    prompt: str
    fate: Fate
    serial: int | None = None
    sent: bool = True


@dataclass(slots=True)
class Journal:
    """Appends lines to a file, each whole, from any thread."""

    file: Path
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def note(self, entry: Sent | Answered | Painted) -> None:
        """Write an entry down."""
        line = json.dumps({"entry": type(entry).__name__, **asdict(entry)}) + "\n"
        with self._turn, self.file.open("a") as file:
            file.write(line)


def read_requests(file: Path) -> tuple[list[Sent], list[Answered]]:
    """What was sent and what was answered, in the order in which it was noted."""
    sent, answered = [], []
    for name, fields in _read(file):
        if name == "Sent":
            sent.append(Sent(**fields))
        else:
            answered.append(Answered(**fields))
    return sent, answered


def read_paintings(file: Path) -> list[Painted]:
    """What the backend did, in the order of its requests."""
    entries = [Painted(**{**fields, "fate": Fate(fields["fate"])}) for _, fields in _read(file)]
    return sorted(entries, key=lambda entry: entry.number)


def _read(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not file.exists():
        return
    for line in file.read_text().splitlines():
        fields = json.loads(line)
        yield fields.pop("entry"), fields

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from imagineart.adapters.multipart_form import FormPart, encode_form
from imagineart.domain.sizes import Size

from load.backend import LoadBackend, StampingStudio
from load.faults import FAULTS, Fate, FaultRule
from load.journals import Journal, Painted, read_paintings
from load.pictures import read_stamp
from load.references import draw_reference
from load.stamps import Stamp, digest_of_prompt, digest_of_references

SIZE = Size(64, 40)
ORDER = {"prompt": "a fox", "size": str(SIZE), "seed": 5}
MARKS = [bytes(range(32)), bytes(range(32, 64))]


class FixedFates(FaultRule):
    """Plays fates in their order, and paints after them."""

    def __init__(self, fates: tuple[Fate, ...]) -> None:
        super().__init__(0, 1)
        self._fates = list(fates)

    def next_fate(self, number: int) -> Fate:
        return self._fates.pop(0) if self._fates else Fate.PAINTED


Start = Callable[..., LoadBackend]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a backend that takes no time and has the fates that are given."""
    with ExitStack() as ending:

        def started(*fates: Fate) -> LoadBackend:
            studio = StampingStudio(FixedFates(fates), Journal(tmp_path / "paintings.jsonl"))
            server = LoadBackend(studio, seconds=0)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            ending.callback(thread.join)
            ending.callback(server.stop)
            return server

        yield started


@pytest.fixture
def journal(tmp_path: Path) -> Callable[[], list[Painted]]:
    return lambda: read_paintings(tmp_path / "paintings.jsonl")


def post(server: LoadBackend, body: bytes, content_type: str = "application/json") -> tuple[int, bytes]:
    """Status and body of the answer. Raises what http.client does where it breaks off."""
    url = urlsplit(server.url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=10)
    try:
        connection.request("POST", "/v1/images/generations", body, {"Content-Type": content_type})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def generate(server: LoadBackend, **changes: object) -> tuple[int, bytes]:
    return post(server, json.dumps({**ORDER, **changes}).encode())


def test_a_picture_carries_what_it_was_ordered_with_and_a_new_serial(start: Start) -> None:
    server = start()
    stamps = [read_stamp(generate(server)[1], SIZE) for _ in range(2)]
    prompt, nothing = digest_of_prompt("a fox"), digest_of_references([])
    assert stamps == [Stamp(prompt, nothing, 5, 1), Stamp(prompt, nothing, 5, 2)]


def test_an_edit_carries_the_marks_of_its_references_in_their_order(start: Start) -> None:
    parts = [FormPart(name, str(value).encode()) for name, value in ORDER.items()]
    for mark, kind in zip(MARKS, ("PNG", "JPEG"), strict=True):
        parts.append(
            FormPart("image", draw_reference(mark, kind, 128, 96), "a file", f"image/{kind.lower()}")
        )
    content_type, body = encode_form(parts)
    status, png = post(start(), b"".join(body), content_type)
    assert status == 200
    assert read_stamp(png, SIZE).references == digest_of_references(MARKS)
    assert read_stamp(png, SIZE).references != digest_of_references(MARKS[::-1])


@pytest.mark.parametrize(
    ("fate", "status"), [(Fate.SERVER_ERROR, 500), (Fate.AT_LIMIT, 429), (Fate.OVERLOADED, 503)]
)
def test_a_refusal_has_its_status(start: Start, fate: Fate, status: int) -> None:
    server = start(fate)
    assert generate(server)[0] == status
    assert generate(server)[0] == 200


def test_garbage_says_that_it_is_a_picture(start: Start) -> None:
    status, body = generate(start(Fate.GARBAGE))
    assert status == 200
    assert not body.startswith(b"\x89PNG")


def test_a_picture_that_is_cut_off_promises_more_than_comes(start: Start) -> None:
    with pytest.raises(http.client.IncompleteRead):
        generate(start(Fate.CUT_OFF))


def test_a_reset_connection_brings_nothing(start: Start) -> None:
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        generate(start(Fate.RESET))


def test_silence_ends_when_the_backend_does(start: Start) -> None:
    server = start(Fate.SILENT)
    server.ending.set()
    with pytest.raises(http.client.RemoteDisconnected):
        generate(server)


def test_everything_is_written_down(start: Start, journal: Callable[[], list[Painted]]) -> None:
    server = start(*FAULTS)
    server.ending.set()
    for _ in range(len(FAULTS) + 1):
        with suppress(http.client.HTTPException, OSError):
            generate(server)
    server.stop()
    noted = journal()
    assert [each.fate for each in noted] == [*FAULTS, Fate.PAINTED]
    assert [each.number for each in noted] == list(range(1, len(FAULTS) + 2))
    assert {each.prompt for each in noted} == {digest_of_prompt("a fox").hex()}
    assert [each.serial is not None for each in noted] == [False] * len(FAULTS) + [True]

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from imagineart.domain.tokens import TokenKind, create_token

from load.callers import Call, Caller, Identity, read_identities, write_identities
from load.journals import Journal, read_requests
from load.orders import MIX, generation, keyed_generation, wrong_token
from local.keep_alive_server import KeepAliveServer

TOKEN = create_token(TokenKind.PARTNER, random.Random(1).randrange).text
ANN = Identity("ann", "ann", TOKEN, 6_000)

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def served() -> Iterator[Callable[[Answer], str]]:
    """Starts a server that answers as it is told; gives its base URL."""
    with ExitStack() as ending:

        def start(answer: Answer) -> str:
            class Handler(BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"

                def do_POST(self) -> None:
                    self.rfile.read(int(self.headers["Content-Length"]))
                    answer(self)

                def log_message(self, format: str, *args: Any) -> None:
                    """Keep quiet."""

            server = KeepAliveServer(("127.0.0.1", 0), Handler)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            ending.callback(thread.join)
            ending.callback(server.stop)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


@pytest.fixture
def calls() -> list[Call]:
    return []


@pytest.fixture
def call_once(served: Callable[[Answer], str], tmp_path: Path, calls: list[Call]) -> Callable[[Answer], None]:
    def call(answer: Answer) -> None:
        journal = Journal(tmp_path / "requests.jsonl")
        caller = Caller(ANN, served(answer), journal, random.Random(1), calls.append)
        caller.send(generation(random.Random(1), "ann", "1K"))
        caller.close()

    return call


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def break_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("X-Request-Id", "r1")
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"half")
    handler.close_connection = True


def test_a_request_that_nobody_answers_is_lost(
    call_once: Callable[[Answer], None], calls: list[Call], tmp_path: Path
) -> None:
    call_once(hang_up)
    (made,) = calls
    assert (made.answered.ending, made.answered.status) == ("lost", 0)
    assert made.answered.problems[0].startswith("no answer: RemoteDisconnected")
    assert read_requests(tmp_path / "requests.jsonl")[0] == [made.sent]


def test_an_answer_that_breaks_off_is_for_others_to_explain(
    call_once: Callable[[Answer], None], calls: list[Call]
) -> None:
    call_once(break_off)
    (made,) = calls
    assert (made.answered.ending, made.answered.request_id) == ("broken", "r1")
    assert made.answered.problems == ()


def test_a_second_answer_under_a_key_has_to_be_the_first(
    served: Callable[[Answer], str], tmp_path: Path
) -> None:
    order, bodies = keyed_generation(random.Random(1), "ann"), iter([b"one", b"two"])

    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = next(bodies)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Idempotent-Replayed", str(body == b"two").lower())
        handler.end_headers()
        handler.wfile.write(body)

    caller = Caller(ANN, served(answer), Journal(tmp_path / "requests.jsonl"), random.Random(1))
    second = caller.send(order, after=caller.send(order))
    caller.close()
    assert second.answered.ending == "replayed"
    assert "a replay that differs from the first answer" in second.answered.problems


def test_every_kind_of_request_is_made_from_dice() -> None:
    for _, make in MIX.values():
        assert make(random.Random(2), "ann") == make(random.Random(2), "ann")
    prompts = {generation(random.Random(seed), "ann", "1K").pictures.prompt for seed in range(50)}
    assert len(prompts) == 50


def test_a_wrong_token_is_never_the_right_one() -> None:
    sent = {wrong_token(random.Random(seed), "ann", TOKEN).token for seed in range(50)}
    assert len(sent) == 3
    assert TOKEN not in sent


def test_identities_are_kept_for_the_user_alone(tmp_path: Path) -> None:
    write_identities(tmp_path / "callers.json", [ANN])
    assert read_identities(tmp_path / "callers.json") == [ANN]
    assert (tmp_path / "callers.json").stat().st_mode & 0o077 == 0

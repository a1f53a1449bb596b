"""What a handler returns to stream, and its form on the wire."""

import json

import pytest

from lambda_response_streaming import StreamedResponse, is_streaming
from lambda_response_streaming.response import MAX_PRELUDE_BYTES, StartedStream


class Body:
    """Pieces that remember what was asked of them."""

    def __init__(self, *pieces):
        self.read = 0
        self.closed = 0
        self._pieces = iter(pieces)

    def __iter__(self):
        return self

    def __next__(self):
        piece = next(self._pieces)
        self.read += 1
        return piece

    def close(self):
        self.closed += 1


def padded(prelude_bytes):
    """An answer whose prelude has this many bytes."""
    bare = len(StreamedResponse(200, {"X": [""]}, []).prelude())
    return StreamedResponse(200, {"X": ["x" * (prelude_bytes - bare)]}, [])


def test_a_prelude_is_json_and_eight_nul_bytes():
    prelude = StreamedResponse(404, {"A": ["1"], "B": ["2", "3"], "C": []}, []).prelude()
    assert prelude.endswith(b"\0" * 8)
    assert b"\0" not in prelude[:-8]
    assert json.loads(prelude[:-8]) == {
        "statusCode": 404,
        "headers": {"A": "1"},
        "multiValueHeaders": {"B": ["2", "3"]},
    }


def test_a_prelude_may_take_16_kib_and_not_a_byte_more():
    assert len(padded(MAX_PRELUDE_BYTES).prelude()) == 16_384
    with pytest.raises(ValueError, match="16385 bytes; allowed are 16384"):
        padded(MAX_PRELUDE_BYTES + 1).prelude()


def test_pieces_are_passed_on_as_they_are_but_for_empty_ones():
    one, two = b"one", memoryview(b"two")
    _, *pieces = StreamedResponse(200, {}, [b"", one, b"", two, b""]).pieces()
    assert pieces[0] is one
    assert pieces[1] is two
    assert len(pieces) == 2


def test_a_started_stream_has_asked_for_its_first_piece_and_no_further():
    body = Body(b"one", b"two")
    stream = StartedStream(StreamedResponse(200, {}, body))
    assert body.read == 1
    assert [bytes(piece) for piece in stream][1:] == [b"one", b"two"]


def test_a_failure_of_the_first_piece_is_raised_at_the_start():
    def body():
        raise LookupError
        yield b""

    with pytest.raises(LookupError):
        StartedStream(StreamedResponse(200, {}, body()))


@pytest.mark.parametrize("asked_for", [0, 1, 2, 3])
def test_a_stream_that_is_closed_early_ends_and_closes_its_body_once(asked_for):
    body = Body(b"one", b"two", b"three")
    stream = StartedStream(StreamedResponse(200, {}, body))
    for _ in range(asked_for):
        next(stream)
    stream.close()
    stream.close()
    assert list(stream) == []
    assert body.closed == 1


def test_a_body_is_closed_at_its_end_and_when_the_prelude_is_too_long():
    read, refused = Body(b"one"), Body(b"one")
    list(StartedStream(StreamedResponse(200, {}, read)))
    with pytest.raises(ValueError, match="allowed are"):
        StartedStream(StreamedResponse(200, {"X": ["x" * 20_000]}, refused))
    assert (read.closed, refused.closed) == (1, 1)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"LAMBDA_RESPONSE_STREAMING": ""}, False),
        ({"LAMBDA_RESPONSE_STREAMING": "0"}, False),
        ({"LAMBDA_RESPONSE_STREAMING": "1"}, True),
    ],
)
def test_the_wrapper_s_variable_tells_whether_a_stream_may_be_returned(environment, expected):
    assert is_streaming(environment) is expected

"""What a handler returns to stream, and its form on the wire."""

import json

import pytest

from lambda_response_streaming import StreamedResponse, is_streaming
from lambda_response_streaming.response import StartedStream


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


def test_a_prelude_is_json_and_eight_nul_bytes():
    prelude = StreamedResponse(404, {"A": ["1"], "B": ["2", "3"], "C": []}, [], cookies=["a=1"]).prelude()
    assert prelude[-8:] == bytes(8)
    assert json.loads(prelude[:-8]) == {
        "statusCode": 404,
        "headers": {"A": "1"},
        "multiValueHeaders": {"B": ["2", "3"]},
        "cookies": ["a=1"],
    }


def test_a_prelude_may_take_16_kib_and_not_a_byte_more():
    bare = len(StreamedResponse(200, {"X": [""]}, []).prelude())
    assert len(StreamedResponse(200, {"X": ["x" * (16_384 - bare)]}, []).prelude()) == 16_384
    with pytest.raises(ValueError, match="16385 bytes; allowed are 16384"):
        StreamedResponse(200, {"X": ["x" * (16_385 - bare)]}, []).prelude()


def test_a_started_stream_has_read_one_piece_and_passes_on_those_that_are_not_empty():
    body = Body(b"one", b"", memoryview(b"two"))
    stream = StartedStream(StreamedResponse(200, {}, body))
    assert body.read == 1
    assert list(stream)[1:] == [b"one", memoryview(b"two")]
    assert body.closed == 1


@pytest.mark.parametrize("read", [0, 1, 2, 3])
def test_a_stream_that_is_closed_early_ends_and_closes_its_body_once(read):
    body = Body(b"one", b"two", b"three")
    stream = StartedStream(StreamedResponse(200, {}, body))
    for _ in range(read):
        next(stream)
    stream.close()
    stream.close()
    assert list(stream) == []
    assert body.closed == 1


def test_a_body_whose_prelude_is_too_long_is_closed():
    body = Body(b"one")
    with pytest.raises(ValueError, match="allowed are 16384"):
        StartedStream(StreamedResponse(200, {"X": ["x" * 20_000]}, body))
    assert (body.read, body.closed) == (0, 1)


def test_a_process_without_the_wrapper_does_not_stream():
    assert not is_streaming({})
    assert not is_streaming({"LAMBDA_RESPONSE_STREAMING": "0"})

"""What a handler returns to stream, and its form on the wire.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
"""

import json
import os
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

Piece: TypeAlias = bytes | memoryview

CONTENT_TYPE: Final = "application/vnd.awslambda.http-integration-response"
DELIMITER: Final = b"\0" * 8
MAX_PRELUDE_BYTES: Final = 16 * 1024
"""The delimiter has to lie within this many bytes."""

_ACTIVE_VARIABLE: Final = "LAMBDA_RESPONSE_STREAMING"


def is_streaming(environment: Mapping[str, str] | None = None) -> bool:
    """Whether the process runs under the streaming runtime, so that a `StreamedResponse` may be returned."""
    return (os.environ if environment is None else environment).get(_ACTIVE_VARIABLE) == "1"


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """An HTTP response whose body is produced piece by piece.

    `headers` holds every value of each name, `cookies` values of Set-Cookie for a function URL, which takes
    several of them in no other way. `body` is read once; its ``close`` method, if it has one as generators
    have, is called when the response ends, also when it ends early.
    """

    status: int
    headers: Mapping[str, Sequence[str]]
    body: Iterable[Piece]
    cookies: Sequence[str] = ()

    def prelude(self) -> bytes:
        """The metadata and the delimiter that precede the body.

        Raises ValueError where they exceed `MAX_PRELUDE_BYTES`.
        """
        metadata = {
            "statusCode": self.status,
            "headers": {name: values[0] for name, values in self.headers.items() if len(values) == 1},
            "multiValueHeaders": {
                name: list(values) for name, values in self.headers.items() if len(values) > 1
            },
            **({"cookies": list(self.cookies)} if self.cookies else {}),
        }
        prelude = json.dumps(metadata).encode() + DELIMITER
        if len(prelude) > MAX_PRELUDE_BYTES:
            raise ValueError(f"status and headers take {len(prelude)} bytes; allowed are {MAX_PRELUDE_BYTES}")
        return prelude

    def pieces(self) -> Generator[Piece]:
        """The wire form: the prelude, then every piece of the body that is not empty."""
        try:
            yield self.prelude()
            for piece in self.body:
                if piece:
                    yield piece
        finally:
            close = getattr(self.body, "close", None)
            if close is not None:
                close()


class StartedStream(Iterator[Piece]):
    """The wire form of a response whose beginning exists, so that what can fail early has failed or not."""

    def __init__(self, response: StreamedResponse) -> None:
        self._pieces = response.pieces()
        self._begun = [next(self._pieces), next(self._pieces, b"")]

    def __next__(self) -> Piece:
        while self._begun:
            piece = self._begun.pop(0)
            if piece:
                return piece
        return next(self._pieces)

    def close(self) -> None:
        """Let the body end early."""
        self._begun.clear()
        self._pieces.close()

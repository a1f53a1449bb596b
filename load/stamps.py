"""What every picture of the load backend carries in its pixels: for whom it was painted, and when."""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

STAMP_BYTES: Final = 81
"""27 pixels of 8-bit RGB, the last byte of which is spare."""

_LAYOUT: Final = struct.Struct(">32s32sQQx")


@dataclass(frozen=True, slots=True)
class Stamp:
    """`prompt` and `references` are SHA-256 digests; `serial` numbers the pictures of one backend.

    So a replayed answer shows the serial of the first one, and a picture that was painted anew another.
    """

    prompt: bytes
    references: bytes
    seed: int
    serial: int

    def encode(self) -> bytes:
        """The `STAMP_BYTES` of it."""
        return _LAYOUT.pack(self.prompt, self.references, self.seed, self.serial)

    @classmethod
    def decode(cls, content: bytes) -> "Stamp":
        """The stamp of as many bytes."""
        return cls(*_LAYOUT.unpack(content))


def digest_of_prompt(prompt: str) -> bytes:
    """What a picture carries of its prompt."""
    return hashlib.sha256(prompt.encode()).digest()


def digest_of_references(marks: Sequence[bytes]) -> bytes:
    """What a picture carries of the marks of its references, in their order."""
    return hashlib.sha256(b"".join(marks)).digest()

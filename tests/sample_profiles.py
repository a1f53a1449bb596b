"""Colour profiles put together by hand, after ICC.1:2001-04 (version 2)."""

import struct
from collections.abc import Mapping


def _profile(
    device_class: bytes, colour_space: bytes, connection_space: bytes, tags: Mapping[bytes, bytes]
) -> bytes:
    offset = 128 + 4 + 12 * len(tags)
    table = struct.pack(">I", len(tags))
    body = b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4sI", offset + len(body), bytes(4), 0x02100000)
    head += device_class + colour_space + connection_space + bytes(12) + b"acsp" + bytes(28)
    head += _s15_fixed16(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + table + body


def _s15_fixed16(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + _s15_fixed16(*values)


def wide_gamut() -> bytes:
    """RGB with the primaries of Display P3 and a gamma of 2.2."""
    gamma = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256))
    return _profile(
        b"mntr",
        b"RGB ",
        b"XYZ ",
        {
            b"wtpt": _xyz(0.9642, 1.0, 0.8249),
            b"rXYZ": _xyz(0.5151, 0.2412, -0.0011),
            b"gXYZ": _xyz(0.2920, 0.6922, 0.0419),
            b"bXYZ": _xyz(0.1571, 0.0666, 0.7841),
            b"rTRC": gamma,
            b"gTRC": gamma,
            b"bTRC": gamma,
        },
    )


def ink_that_prints_gray() -> bytes:
    """CMYK in which cyan, whatever its name, prints a middle gray (L* 53), and magenta and yellow nothing."""
    white, gray, black = (bytes([level, 128, 128]) for level in (255, 135, 0))
    grid = b"".join(black if node & 0b0001 else gray if node & 0b1000 else white for node in range(16))
    identity = bytes(range(256))
    lookup = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + _s15_fixed16(1, 0, 0, 0, 1, 0, 0, 0, 1)
    lookup += identity * 4 + grid + identity * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _xyz(0.9642, 1.0, 0.8249), b"A2B0": lookup})

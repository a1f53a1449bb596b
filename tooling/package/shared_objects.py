"""What ELF shared objects of 64 bits need, and how to let one go without a library that it never calls.

Source: System V ABI, chapter 5, https://gabi.xinuos.com/elf/08-dynamic.html
"""

import struct
from dataclasses import dataclass

_PROGRAM_HEADERS_OFFSET = 0x20
_PROGRAM_HEADER_SIZES = 0x36
_LOAD, _DYNAMIC = 1, 2
_NULL, _NEEDED, _STRINGS, _SYMBOLS, _GNU_HASH = 0, 1, 5, 6, 0x6FFFFEF5
_ENTRY = struct.Struct("<QQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_GLOBAL, _WEAK = 1, 2


def is_shared_object(content: bytes) -> bool:
    """Whether it is a little-endian ELF file of 64 bits, as both of Lambda's processors have them."""
    return content[:6] == b"\x7fELF\x02\x01"


def needed_libraries(content: bytes) -> list[str]:
    """The names of the libraries that the loader has to find for it, in order."""
    dynamic = _read_dynamic(content)
    return [dynamic.text(content, value) for tag, value in dynamic.entries if tag == _NEEDED]


def without_library(content: bytes, library: str, symbols: frozenset[str]) -> bytes:
    """The same object, no longer in need of `library`; its `symbols` become weak and are null at run time.

    Raises ValueError unless it needs the library and leaves exactly these of its symbols open. Whether one of
    them is called has to be known otherwise: the call would end the process.
    """
    dynamic = _read_dynamic(content)
    kept = [
        (tag, value)
        for tag, value in dynamic.entries
        if not (tag == _NEEDED and dynamic.text(content, value) == library)
    ]
    if len(kept) != len(dynamic.entries) - 1:
        raise ValueError(f"{library} is not needed exactly once")
    changed = bytearray(content)
    for index, entry in enumerate([*kept, (_NULL, 0)]):
        _ENTRY.pack_into(changed, dynamic.offset + index * _ENTRY.size, *entry)
    found = set()
    for offset in dynamic.undefined:
        name, information, _, section, _, _ = _SYMBOL.unpack_from(content, offset)
        if section == 0 and information >> 4 == _GLOBAL and dynamic.text(content, name) in symbols:
            found.add(dynamic.text(content, name))
            changed[offset + 4] = _WEAK << 4 | information & 0xF
    if found != symbols:
        raise ValueError(f"undefined symbols are {sorted(found)}, not {sorted(symbols)}")
    return bytes(changed)


@dataclass(frozen=True, slots=True)
class _Dynamic:
    """The dynamic section: where it begins, its entries, where its strings and undefined symbols are."""

    offset: int
    entries: list[tuple[int, int]]
    strings: int
    undefined: range

    def text(self, content: bytes, position: int) -> str:
        begin = self.strings + position
        return content[begin : content.index(0, begin)].decode("ascii")


def _read_dynamic(content: bytes) -> _Dynamic:
    if not is_shared_object(content):
        raise ValueError("not an ELF file of 64 bits")
    (table,) = struct.unpack_from("<Q", content, _PROGRAM_HEADERS_OFFSET)
    size, count = struct.unpack_from("<HH", content, _PROGRAM_HEADER_SIZES)
    segments: list[tuple[int, int, int]] = []
    section = range(0)
    for position in range(table, table + size * count, size):
        kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", content, position)
        if kind == _LOAD:
            segments.append((address, offset, length))
        elif kind == _DYNAMIC:
            section = range(offset, offset + length, _ENTRY.size)

    def file_offset(address: int) -> int:
        return next(
            address - start + offset
            for start, offset, length in segments
            if start <= address < start + length
        )

    entries = [_ENTRY.unpack_from(content, position) for position in section]
    found = dict(reversed(entries))
    # The hash table counts the symbols that it leaves out, which come first: the undefined ones.
    (first_defined,) = struct.unpack_from("<I", content, file_offset(found[_GNU_HASH]) + 4)
    symbols = file_offset(found[_SYMBOLS])
    undefined = range(symbols + _SYMBOL.size, symbols + first_defined * _SYMBOL.size, _SYMBOL.size)
    return _Dynamic(section.start, entries, file_offset(found[_STRINGS]), undefined)

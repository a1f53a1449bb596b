"""What ELF shared objects of 64 bits need, and how to let one go without a library that it never calls.

Source: System V ABI, chapter 5, https://gabi.xinuos.com/elf/08-dynamic.html
"""

import struct
from dataclasses import dataclass

_PROGRAM_HEADERS_OFFSET = 0x20
_PROGRAM_HEADER_SIZES = 0x36
_LOAD, _DYNAMIC = 1, 2
_NULL, _NEEDED, _STRINGS, _SYMBOLS, _GNU_HASH = 0, 1, 5, 6, 0x6FFFFEF5
_RELOCATIONS = ((7, 8), (23, 2))
"""The tags of where relocations are and how many bytes: of data, and of calls."""
_ENTRY = struct.Struct("<QQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")
_GLOBAL, _WEAK = 1, 2


def is_shared_object(content: bytes) -> bool:
    """Whether it is a little-endian ELF file of 64 bits, as both of Lambda's processors have them."""
    return content[:6] == b"\x7fELF\x02\x01"


def needed_libraries(content: bytes) -> list[str]:
    """The names of the libraries that the loader has to find for it, in order."""
    dynamic = _read_dynamic(content)
    return [dynamic.text(content, value) for tag, value in dynamic.entries if tag == _NEEDED]


def exported_symbols(content: bytes) -> frozenset[str]:
    """The names that others find in it.

    Source: https://sourceware.org/legacy-ml/binutils/2006-10/msg00377.html, on the hash table of GNU.
    """
    dynamic = _read_dynamic(content)
    table = dynamic.position(_GNU_HASH)
    bucket_count, first, bloom_words, _ = struct.unpack_from("<IIII", content, table)
    buckets = table + 16 + bloom_words * 8
    chains = buckets + bucket_count * 4
    last = max(struct.unpack_from(f"<{bucket_count}I", content, buckets), default=0)
    # A bucket names the first symbol of a chain; the last symbol of a chain has an odd hash.
    while last >= first and not content[chains + (last - first) * 4] & 1:
        last += 1
    offsets = (dynamic.symbol(index) for index in range(first, last + 1))
    return frozenset(dynamic.text(content, _SYMBOL.unpack_from(content, each)[0]) for each in offsets)


def without_library(
    content: bytes, library: str, symbols: frozenset[str], only_there: frozenset[str]
) -> bytes:
    """The same object, no longer in need of `library`; its `symbols` become weak and are null at run time.

    `only_there` is what the library exports and no other one that the object needs. Raises ValueError unless
    the object needs the library, and `symbols` are exactly those of `only_there` that it refers to. Whether
    one of them is called has to be known otherwise: the call would end the process.
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
    for offset in _referred_symbols(content, dynamic):
        name, information, _, section, _, _ = _SYMBOL.unpack_from(content, offset)
        if section == 0 and information >> 4 == _GLOBAL and dynamic.text(content, name) in only_there:
            found.add(dynamic.text(content, name))
            changed[offset + 4] = _WEAK << 4 | information & 0xF
    if found != symbols:
        raise ValueError(f"undefined symbols of {library} are {sorted(found)}, not {sorted(symbols)}")
    return bytes(changed)


def _referred_symbols(content: bytes, dynamic: "_Dynamic") -> set[int]:
    """Where the symbols are that the loader looks for: a name that nothing refers to may be found nowhere."""
    indexes = {
        _RELOCATION.unpack_from(content, position)[1] >> 32
        for begin, size in _RELOCATIONS
        if begin in dynamic.values
        for start in [dynamic.position(begin)]
        for position in range(start, start + dynamic.values[size], _RELOCATION.size)
    }
    return {dynamic.symbol(index) for index in indexes}


@dataclass(frozen=True, slots=True)
class _Dynamic:
    """The dynamic section: where it begins, its entries in order and by tag; where what is loaded lies.

    `segments` are addresses, offsets in the file and lengths in bytes.
    """

    offset: int
    entries: list[tuple[int, int]]
    values: dict[int, int]
    segments: list[tuple[int, int, int]]

    def position(self, tag: int) -> int:
        """The offset in the file of what the entry has the address of. Raises KeyError."""
        address = self.values[tag]
        return next(
            address - start + offset
            for start, offset, length in self.segments
            if start <= address < start + length
        )

    def symbol(self, index: int) -> int:
        return self.position(_SYMBOLS) + index * _SYMBOL.size

    def text(self, content: bytes, position: int) -> str:
        begin = self.position(_STRINGS) + position
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
    entries = [_ENTRY.unpack_from(content, position) for position in section]
    return _Dynamic(section.start, entries, dict(reversed(entries)), segments)

"""A library is taken off the list of those that are needed, and nothing else changes."""

import re
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tooling.package.shared_objects import (
    exported_symbols,
    is_shared_object,
    needed_libraries,
    without_library,
)

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the wheels of other systems have other files"
)

SYMBOLS = frozenset({"x265_api_get_217", "x265_cleanup"})


def bundled(name: str) -> bytes:
    (path,) = (each for each in distribution("pillow-heif").files or () if each.name.startswith(f"{name}-"))
    return Path(str(path.locate())).read_bytes()


@pytest.fixture(scope="module")
def libheif() -> bytes:
    return bundled("libheif")


@pytest.fixture(scope="module")
def only_in_x265() -> frozenset[str]:
    return exported_symbols(bundled("libx265")) - exported_symbols(bundled("libde265"))


def x265_of(libheif: bytes) -> str:
    (name,) = (each for each in needed_libraries(libheif) if each.startswith("libx265-"))
    return name


def test_what_a_library_needs_is_read(libheif: bytes) -> None:
    assert {re.split("[-.]", each)[0] for each in needed_libraries(libheif)} >= {
        "libx265",
        "libde265",
        "libc",
    }


def test_what_a_library_exports_is_read() -> None:
    exported = exported_symbols(bundled("libx265"))
    assert exported >= {*SYMBOLS, "x265_version_str"}
    assert not exported & {"malloc", "pthread_create"}


def test_a_symbol_counts_unless_another_library_has_it_too(
    libheif: bytes, only_in_x265: frozenset[str]
) -> None:
    """All three bring what older C++ libraries lack, and libheif takes that from whichever is there."""
    without_library(libheif, x265_of(libheif), SYMBOLS, only_in_x265)
    with pytest.raises(ValueError, match="__throw_bad_array_new_length"):
        without_library(libheif, x265_of(libheif), SYMBOLS, exported_symbols(bundled("libx265")))


def test_the_others_are_still_needed(libheif: bytes, only_in_x265: frozenset[str]) -> None:
    unneeded = x265_of(libheif)
    changed = without_library(libheif, unneeded, SYMBOLS, only_in_x265)
    assert needed_libraries(changed) == [each for each in needed_libraries(libheif) if each != unneeded]


def test_the_rest_of_the_file_stays_as_it_is(libheif: bytes, only_in_x265: frozenset[str]) -> None:
    changed = without_library(libheif, x265_of(libheif), SYMBOLS, only_in_x265)
    assert len(changed) == len(libheif)
    assert 0 < sum(one != other for one, other in zip(libheif, changed, strict=True)) < 1_000


@pytest.mark.parametrize("library", ["libmissing.so.1", ""])
def test_a_library_that_is_not_needed_is_refused(
    libheif: bytes, only_in_x265: frozenset[str], library: str
) -> None:
    with pytest.raises(ValueError, match="not needed"):
        without_library(libheif, library, SYMBOLS, only_in_x265)


@pytest.mark.parametrize("symbol", sorted(SYMBOLS))
def test_a_symbol_that_would_stay_open_is_refused(
    libheif: bytes, only_in_x265: frozenset[str], symbol: str
) -> None:
    with pytest.raises(ValueError, match="undefined symbols"):
        without_library(libheif, x265_of(libheif), SYMBOLS - {symbol}, only_in_x265)


@pytest.mark.parametrize("symbols", [SYMBOLS | {"x265_encoder_open"}, frozenset({"heif_init"})])
def test_symbols_that_are_not_open_are_refused(
    libheif: bytes, only_in_x265: frozenset[str], symbols: frozenset[str]
) -> None:
    with pytest.raises(ValueError, match="undefined symbols"):
        without_library(libheif, x265_of(libheif), symbols, only_in_x265)


def test_other_files_are_told_apart() -> None:
    assert not is_shared_object(b"#!/bin/sh\n")
    with pytest.raises(ValueError, match="not an ELF"):
        needed_libraries(b"\x7fELF\x01\x01 of 32 bits")

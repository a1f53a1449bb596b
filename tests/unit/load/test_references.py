import hashlib

import pytest
from imagineart.adapters.pictures import PillowReferenceReader

from load.references import draw_reference, read_mark

MARKS = [hashlib.sha256(name).digest() for name in (b"one", b"two")] + [bytes(32), b"\xff" * 32]


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(512, 384), (384, 512), (1024, 768)])
def test_a_mark_survives_what_the_service_does_to_a_reference(kind: str, size: tuple[int, int]) -> None:
    for mark in MARKS:
        drawn = draw_reference(mark, kind, *size)
        sent_on = PillowReferenceReader().read(drawn, label="images[0]")
        assert read_mark(sent_on.content) == mark


def test_what_is_no_picture_has_no_mark() -> None:
    with pytest.raises(ValueError, match="no picture"):
        read_mark(b"text")

"""The sizes that Runware's API offers, each made from one of /v1 that covers it."""

import pytest

from imagineart.apis.runware.errors import RefusedTaskError
from imagineart.apis.runware.reading import read_task
from imagineart.apis.runware.sizes import requested_size, size_like
from imagineart.apis.runware.tasks import ImageInference
from imagineart.images.sizes import Size, output_size, smallest_covering
from tests.contract.test_documents import table

SIZES = {
    name: [tuple(map(int, row[column].split("x"))) for row in rows if "x" in row[column]]
    for rows in [list(table("docs/runware.md", "Ratio | 1K"))]
    for column, name in ((1, "1K"), (2, "2K"), (3, "1.5K"))
}
UPRIGHT_REFUSED = {(640, 1488), (1344, 3136), (928, 2160)}
BASE = {
    "taskType": "imageInference",
    "taskUUID": "7fb4e7f8-7d10-4a53-8a55-3e9f2f8f2a11",
    "model": "imagineart:2.0@0",
    "positivePrompt": "a boat",
}


def size_of(**fields: object) -> tuple[Size | None, str]:
    return requested_size(read_task(ImageInference, BASE | fields))


@pytest.mark.parametrize("resolution", SIZES)
def test_every_documented_size_is_offered_in_both_directions(resolution: str) -> None:
    references = {"inputs": {"referenceImages": ["eA=="]}} if resolution == "1.5K" else {}
    other = {} if references else {"inputs": {"referenceImages": ["eA=="]}}
    for documented in SIZES[resolution]:
        for width, height in {documented, documented[::-1]} - UPRIGHT_REFUSED:
            size = Size(width, height)
            assert size_of(width=width, height=height, **references) == (size, resolution)
            covering = output_size(*smallest_covering(size))
            assert covering.width >= width
            assert covering.height >= height
            with pytest.raises(RefusedTaskError, match="width: got"):
                size_of(width=width, height=height, **other)


@pytest.mark.parametrize(("width", "height"), [*UPRIGHT_REFUSED, (512, 512), (1408, 792)])
def test_another_size_is_refused_with_those_that_are_offered(width: int, height: int) -> None:
    with pytest.raises(RefusedTaskError, match="1024x1024, 1360x768, 768x1360"):
        size_of(width=width, height=height)


def test_the_first_reference_decides_where_no_size_is_given() -> None:
    references = {"inputs": {"referenceImages": ["eA=="]}}
    assert size_of(**references) == size_of(resolution="1.5K", **references) == (None, "1.5K")
    assert size_like(Size(900, 1600)) == Size(1152, 2048)
    with pytest.raises(RefusedTaskError, match="resolution: allowed without width"):
        size_of(resolution="1.5K", width=1536, height=1536, **references)

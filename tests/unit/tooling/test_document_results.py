from pathlib import Path

import pytest

from tooling.document_results import NoMarksError, replace_results


def test_results_replace_those_between_the_marks(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("before\n<!-- soak -->\nold\n<!-- /soak -->\nafter <!-- bench --> \n")
    for results in ("first\n", "second\n\n"):
        replace_results(document, "soak", results)
    assert document.read_text() == (
        "before\n<!-- soak -->\n\nsecond\n\n<!-- /soak -->\nafter <!-- bench --> \n"
    )


@pytest.mark.parametrize(
    "text", ["", "<!-- soak -->\n", "<!-- /soak -->\n", "<!-- /soak --> <!-- soak -->\n"]
)
def test_a_document_without_the_marks_is_left_alone(tmp_path: Path, text: str) -> None:
    document = tmp_path / "performance.md"
    document.write_text(text)
    with pytest.raises(NoMarksError, match=r"performance\.md lacks"):
        replace_results(document, "soak", "results")
    assert document.read_text() == text

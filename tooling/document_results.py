"""Puts what was measured into a document, between two marks, so that nobody copies figures by hand."""

from __future__ import annotations

from pathlib import Path


class NoMarksError(ValueError):
    """The document has no place for these results; the text names the marks that it lacks."""


def replace_results(document: Path, name: str, results: str) -> None:
    """Put `results` between the marks ``<!-- name -->`` and ``<!-- /name -->``. Raises NoMarksError."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found, rest = document.read_text().partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise NoMarksError(f"{document.name} lacks {begin.strip()} or {end}")
    document.write_text(f"{before}{begin}\n{results.strip()}\n\n{end}{after}")

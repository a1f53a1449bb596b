"""The output of commands: tables, records, JSON and CSV on stdout, and notes on stderr."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Row = Sequence[str]

out: Final = Console()
_err: Final = Console(stderr=True)
_GAP: Final = "  "


def print_note(message: str, *, style: str | None = None, end: str = "\n") -> None:
    """A note for the operator, on stderr, since another program may read stdout."""
    _print(_err, message, style=style, end=end)


def show_line(line: str, *, style: str | None = None) -> None:
    """One line of output."""
    _print(out, line, style=style)


def show_json(document: Mapping[str, Any]) -> None:
    """One JSON document."""
    typer.echo(json.dumps(document, indent=2))


def show_csv(header: Row, rows: Iterable[Sequence[object]]) -> None:
    """CSV with a header row. Source: RFC 4180."""
    csv.writer(sys.stdout, lineterminator="\r\n").writerows([header, *rows])


def show_table(header: Row, rows: Iterable[Row], *, console: Console = out) -> None:
    """One line a row; on a terminal that is too narrow for it, one line a cell.

    Nothing is cut, since an id has to be complete for the next command.
    """
    cells = [list(row) for row in rows]
    title, *lines = _aligned(header, cells)
    if console.is_terminal and max(map(len, (title, *lines))) > console.width:
        for row in cells:
            show_record(dict(zip(header, row, strict=True)), console=console)
            _print(console, "")
        return
    _print(console, title, style="bold")
    for line in lines:
        _print(console, line)


def show_record(cells: Mapping[str, str], *, console: Console = out) -> None:
    """One line a cell, after its name."""
    width = max(map(len, cells))
    for name, cell in cells.items():
        _print(console, f"{name:{width}}{_GAP}{cell}")


def _aligned(header: Row, rows: Sequence[Row]) -> list[str]:
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [bool(rows) and all(_is_number(cell) for cell in column[1:]) for column in columns]
    return [
        _GAP.join(
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in (header, *rows)
    ]


def _is_number(cell: str) -> bool:
    return cell.lstrip(">").replace(".", "", 1).isdigit()


def _print(console: Console, line: str, *, style: str | None = None, end: str = "\n") -> None:
    console.print(
        _printable(line), style=style, end=end, markup=False, highlight=False, emoji=False, soft_wrap=True
    )


def _printable(text: str) -> str:
    """The text, with characters that could move a terminal's cursor escaped."""
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)

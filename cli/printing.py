"""What the operator sees: tables, records, JSON and CSV on stdout, and words beside them on stderr."""

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


def tell(message: str, *, style: str | None = None, end: str = "\n") -> None:
    """Words for the operator, on stderr, so that they are in no program's way."""
    _print(_err, message, style=style, end=end)


def show_line(line: str) -> None:
    """One line of what the command shows."""
    _print(out, line)


def show_json(document: Mapping[str, Any]) -> None:
    """One JSON document."""
    typer.echo(json.dumps(document, indent=2))


def show_csv(header: Row, rows: Iterable[Sequence[object]]) -> None:
    """CSV with a header row, as RFC 4180 has it."""
    csv.writer(sys.stdout, lineterminator="\r\n").writerows([header, *rows])


def show_table(header: Row, rows: Iterable[Row], *, console: Console = out) -> None:
    """One line a row; on a terminal that is too narrow for it, one line a cell.

    Nothing is ever cut: an id that is could not be named in the next command.
    """
    held = [list(row) for row in rows]
    title, *lines = _aligned(header, held)
    if console.is_terminal and max(map(len, (title, *lines))) > console.width:
        for row in held:
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
    """The text, with what could move a terminal's cursor spelled out."""
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)

"""The output of commands: tables, records, JSON and CSV."""

import io

import pytest
from rich.console import Console

from cli.printing import show_record, show_table

HEADER = ("token id", "consumer", "requests")
ROWS = [("p0123456789abcde", "acme", "5"), ("i0123456789abcde", "a-consumer-of-a-longer-name", "1200")]


def shown(rows: list[tuple[str, ...]], *, width: int, is_terminal: bool) -> list[str]:
    out = io.StringIO()
    show_table(
        HEADER, rows, console=Console(file=out, width=width, force_terminal=is_terminal, color_system=None)
    )
    return out.getvalue().splitlines()


def test_columns_are_aligned_and_numbers_are_at_the_right() -> None:
    assert shown(ROWS, width=80, is_terminal=True) == [
        "token id          consumer                     requests",
        "p0123456789abcde  acme                                5",
        "i0123456789abcde  a-consumer-of-a-longer-name      1200",
    ]


def test_on_a_narrow_terminal_each_cell_has_a_line_and_no_id_is_cut() -> None:
    assert shown(ROWS, width=40, is_terminal=True) == [
        "token id  p0123456789abcde", "consumer  acme", "requests  5", "",
        "token id  i0123456789abcde", "consumer  a-consumer-of-a-longer-name", "requests  1200", "",
    ]  # fmt: skip


def test_output_for_another_program_has_a_line_a_row_however_narrow() -> None:
    assert shown(ROWS, width=10, is_terminal=False) == shown(ROWS, width=80, is_terminal=True)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("[red]x[/red]", "[red]x[/red]"), ("[/]", "[/]"), (":smile:", ":smile:"), ("\x1b[31mx", "\\x1b[31mx"),
        ("a\rb", "a\\rb"), ("\x07", "\\x07"), ("\u202ex", "\\u202ex"), ("\udcff", "\\udcff"), ("é", "é"),
    ],
)  # fmt: skip
def test_a_value_is_shown_as_it_is_and_moves_no_cursor(value: str, shown: str) -> None:
    out = io.StringIO()
    show_record({"consumer": value}, console=Console(file=out, force_terminal=True, color_system=None))
    assert out.getvalue() == f"consumer  {shown}\n"

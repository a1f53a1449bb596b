"""docs/api.md as HTML: examples in tabs, fields as a list, an address for everything that has a name."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

SOURCE: Final = Path(__file__).parent / "site"
_LEXERS: Final = {"sh": "bash", "python": "python", "javascript": "javascript", "json": "json"}
_FIELD_TABLES: Final = ("Field", "Answer field")
_NAMED_ROWS: Final = {"Code": "example", "Header": "header", "Scope": "scope", "Status": "error"}
"""Tables, by their first column, whose rows have an address of their own, and what it begins with."""

_LONG_CELL_CHARACTERS: Final = 24


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading and its address within the page."""

    level: int
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """The body of a page, and its headings in order."""

    html: Markup
    headings: tuple[Heading, ...]


@dataclass(frozen=True, slots=True)
class _Example:
    label: str
    html: Markup


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    inline: Markup


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a table; `address` is empty where it has none."""

    cells: tuple[Markup, ...]
    name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a request or an answer; `bounds` are what it may be, by their titles."""

    name: str
    address: str
    heading: Markup
    kind: str
    flags: tuple[str, ...]
    meaning: Markup
    bounds: tuple[tuple[str, Markup], ...]


def templates() -> Environment:
    """The templates of the site."""
    return Environment(
        loader=FileSystemLoader(SOURCE),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_page(markdown: str) -> Page:
    """The page. Raises ValueError where two things on it would have one address."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    # The notice for whoever would edit the file.
    text = re.sub(r"\A<!--.*?-->\s*", "", markdown, flags=re.DOTALL)
    writer = _Writer(parser)
    html = Markup("\n").join(writer.write(parser.parse(text)))
    counts = Counter(re.findall(r'\bid="([^"]+)"', html))
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(f"two things on the page are called {', '.join(twice)}")
    return Page(html, tuple(writer.headings))


class _Writer:
    """Writes HTML from Markdown's tokens, one block after another."""

    def __init__(self, parser: MarkdownIt) -> None:
        self._renderer = RendererHTML()
        self._options = parser.options
        self._blocks: Any = templates().get_template("blocks.html").module
        self._tab_groups = 0
        self.headings: list[Heading] = []

    def write(self, tokens: Sequence[Token]) -> Iterator[Markup]:
        """The HTML of each block."""
        at = 0
        while at < len(tokens):
            end = _end_of_block(tokens, at)
            block = tokens[at:end]
            match tokens[at].type:
                case "heading_open":
                    yield self._heading(block)
                case "table_open":
                    yield self._table([[self._cell(token) for token in row] for row in _rows(block)])
                case "fence":
                    yield self._code(block)
                case _:
                    yield Markup(self._renderer.render(block, self._options, {}).rstrip())
            at = end

    def _cell(self, token: Token) -> _Cell:
        children = token.children or []
        inline = Markup(self._renderer.renderInline(children, self._options, {}))
        return _Cell("".join(child.content for child in children), inline)

    def _heading(self, block: Sequence[Token]) -> Markup:
        cell = self._cell(block[1])
        heading = Heading(int(block[0].tag[1]), _slug(cell.text), cell.text)
        if heading.level == 1:
            return Markup(self._blocks.title(heading, cell.inline))
        self.headings.append(heading)
        return Markup(self._blocks.heading(heading, cell.inline))

    def _code(self, fences: Sequence[Token]) -> Markup:
        if len(fences) > 1 and all(_label(fence) for fence in fences):
            self._tab_groups += 1
            return Markup(self._blocks.tabs(f"tabs-{self._tab_groups}", list(map(_example, fences))))
        return Markup("\n").join(map(self._single_code, fences))

    def _single_code(self, fence: Token) -> Markup:
        route = re.fullmatch(r"(GET|POST) (/\S+)\n", fence.content)
        if route is not None:
            return Markup(self._blocks.route(*route.groups()))
        return Markup(self._blocks.code(_example(fence)))

    def _table(self, rows: Sequence[Sequence[_Cell]]) -> Markup:
        titles, *body = rows
        if not any(title.text for title in titles):
            return Markup(self._blocks.facts([[cell.inline for cell in row] for row in body]))
        chapter = self.headings[-1]
        if titles[0].text in _FIELD_TABLES:
            fields = [_field(chapter, [title.text for title in titles], row) for row in body]
            return Markup(self._blocks.fields(chapter, fields))
        is_long = any(len(cell.text) > _LONG_CELL_CHARACTERS for row in body for cell in row)
        return Markup(
            self._blocks.table(titles, [_row(titles[0].text, row) for row in body], is_long, chapter)
        )


def _row(first_title: str, row: Sequence[_Cell]) -> _Row:
    cells = tuple(cell.inline for cell in row)
    kind = _NAMED_ROWS.get(first_title)
    if kind is None:
        return _Row(cells)
    # Errors are found by their code, which several share a status with.
    name = row[1 if kind == "error" else 0].text
    return _Row(cells, name, f"{kind}-{_slug(name)}")


def _field(chapter: Heading, titles: Sequence[str], row: Sequence[_Cell]) -> _Field:
    by_title = dict(zip(titles, row, strict=True))
    kind, *flags = by_title["Type"].text.split(", ")
    bounds = [(title, by_title[title]) for title in ("Allowed", "Default") if title in by_title]
    return _Field(
        row[0].text,
        f"{chapter.id}-{_slug(row[0].text)}",
        row[0].inline,
        kind,
        tuple(flags),
        by_title["Meaning"].inline,
        tuple((title, cell.inline) for title, cell in bounds if cell.text),
    )


def _end_of_block(tokens: Sequence[Token], at: int) -> int:
    """Where the block that begins at `at` ends; examples that follow each other are one block."""
    if tokens[at].type == "fence":
        return next((end for end in range(at, len(tokens)) if tokens[end].type != "fence"), len(tokens))
    depth = 0
    while True:
        depth += tokens[at].nesting
        at += 1
        if depth == 0:
            return at


def _rows(table: Sequence[Token]) -> list[list[Token]]:
    rows: list[list[Token]] = []
    for token in table:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(token)
    return rows


def _example(fence: Token) -> _Example:
    code = fence.content.rstrip("\n")
    lexer = _LEXERS.get(fence.info.partition(" ")[0])
    if lexer is None:
        return _Example(_label(fence), escape(code))
    html = highlight(code, get_lexer_by_name(lexer), HtmlFormatter(nowrap=True))
    return _Example(_label(fence), Markup(html.rstrip("\n")))


def _label(fence: Token) -> str:
    return fence.info.partition(" ")[2]


def _slug(text: str) -> str:
    """The anchor that GitHub gives a heading of this text."""
    return re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")

"""Shows usage as a table that fits the terminal. Columns are shortened, then dropped by priority. No line wraps.

`fit` makes plain text cells, which can be compared; `rich_table` draws them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from aigw.books.summary import Summary, UsageLine
from aigw.cli.terminal.columns import shorten
from aigw.cli.terminal.figures import count, milliseconds, money, rate
from aigw.core.plain import plain

NAME_WIDTH, NAMES_WIDTH = 20, 12
"""Columns are dropped until names have this many cells: a single name, or each of several. Short names need fewer."""
WIDEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table. If there is little room, the column with the lowest `keep` is dropped first. `cell(line,
    exact)` returns its text."""

    name: str
    short: str
    keep: int
    cell: Callable[[UsageLine, bool], str]
    value: Callable[[UsageLine], float | None]
    least: int = 5
    rare: bool = False
    """Whether it is there only if its total is not 0."""


COLUMNS = (
    Column("requests", "req", 99, lambda line, exact: count(line.requests, exact), lambda line: line.requests),
    Column("in", "in", 8, lambda line, exact: count(line.prompt, exact), lambda line: line.prompt),
    Column("out", "out", 9, lambda line, exact: count(line.output, exact), lambda line: line.output),
    Column("cached", "cached", 3, lambda line, exact: count(line.cache_read, exact), lambda line: line.cache_read),
    Column("tok/s", "tok/s", 5, lambda line, _: rate(line.tokens_per_s), lambda line: line.tokens_per_s),
    Column(
        "first p50",
        "first p50",
        7,
        lambda line, _: milliseconds(line.first_token_p50_ms),
        lambda line: line.first_token_p50_ms,
    ),
    Column(
        "first p95",
        "first p95",
        4,
        lambda line, _: milliseconds(line.first_token_p95_ms),
        lambda line: line.first_token_p95_ms,
    ),
    Column("$ total", "$", 10, lambda line, _: money(line.cost, line.unpriced), lambda line: line.cost, 7),
    Column(
        "$/min", "$/min", 1, lambda line, _: money(line.cost_per_min, line.unpriced), lambda line: line.cost_per_min, 6
    ),
    Column("errors", "err", 6, lambda line, exact: count(line.errors, exact), lambda line: line.errors, 3),
    Column("cache hits", "hits", 2, lambda line, exact: count(line.cache_hits, exact), lambda line: line.cache_hits, 4),
    Column("denied", "deny", 6, lambda line, exact: count(line.denied, exact), lambda line: line.denied, 4, rare=True),
)
SORTING = tuple(column for column in COLUMNS if not column.rare)
"""The columns by which rows can be sorted."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of plain texts. `widths` are in cells, one for each column. The first `names` columns are names. `marked`
    is the index of a column."""

    header: tuple[str, ...]
    widths: tuple[int, ...]
    gap: int
    names: int
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...]
    marked: int | None = None


@dataclass(slots=True)
class _Layout:
    """The columns that are shown, and their widths. With `exact`, numbers have all their digits."""

    columns: list[Column]
    header: list[str]
    widths: list[int]
    names: list[int]
    gap: int
    exact: bool

    def room(self) -> int:
        """How many cells everything but the names takes, gaps included."""
        return sum(self.widths) + self.gap * (len(self.names) + len(self.widths) - 1)

    def drop(self) -> None:
        place = self.columns.index(min(self.columns, key=lambda column: column.keep))
        del self.columns[place], self.header[place], self.widths[place]

    def cells(self, line: UsageLine) -> list[str]:
        return [column.cell(line, self.exact) for column in self.columns]


def fit(
    summary: Summary,
    lines: Sequence[UsageLine],
    width: int,
    *,
    shown: slice = slice(None),
    marked: str = "",
    exact: bool = False,
) -> Grid:
    """A grid of the columns that fit into `width` cells, with a row for each line of `shown`. Widths come from all
    `lines`, so that nothing moves when they are scrolled. `exact`: numbers have all digits if there is room."""
    layout = _layout(summary, lines, width, exact=exact)
    first = len(summary.by)
    kept = [column.name for column in layout.columns]
    return Grid(
        header=(*map(shorten, summary.by, layout.names), *layout.header),
        widths=(*layout.names, *layout.widths),
        gap=layout.gap,
        names=first,
        rows=tuple((*map(shorten, names_of(line), layout.names), *layout.cells(line)) for line in lines[shown]),
        total=(*map(shorten, ["total", *[""] * (first - 1)], layout.names), *layout.cells(summary.total)),
        marked=first + kept.index(marked) if marked in kept else None,
    )


def names_of(line: UsageLine) -> list[str]:
    """Returns the names in a row. A missing name is not shown as `-`, which stands for a missing number: the row has
    requests that named no model, for instance."""
    return [plain(name) or f"no {by}" for by, name in line.key.items()]


def _layout(summary: Summary, lines: Sequence[UsageLine], width: int, *, exact: bool) -> _Layout:
    everyone = [*lines, summary.total]
    columns = [column for column in COLUMNS if not column.rare or column.value(summary.total)]
    natural = [
        min(WIDEST_NAME, max(map(cell_len, each)))
        for each in zip(summary.by, ["total"] * len(summary.by), *map(names_of, lines), strict=True)
    ]
    for full in (True, False) if exact else (False,):
        for gap, long in ((2, True), (1, False)):
            header = [column.name if long else column.short for column in columns]
            widths = [
                max(column.least, len(title), *(len(column.cell(line, full)) for line in everyone))
                for column, title in zip(columns, header, strict=True)
            ]
            layout = _Layout(list(columns), header, widths, natural, gap, full)
            if sum(natural) + layout.room() <= width:
                return layout
    least = NAME_WIDTH if len(natural) == 1 else NAMES_WIDTH
    wanted = sum(min(each, least) for each in natural)
    while len(layout.columns) > 1 and wanted + layout.room() > width:
        layout.drop()
    layout.names = _shrink(natural, width - layout.room())
    return layout


def _shrink(natural: list[int], room: int) -> list[int]:
    widths = list(natural)
    while sum(widths) > max(room, len(widths)):
        widths[widths.index(max(widths))] -= 1
    return widths


def rich_table(grid: Grid) -> Table:
    table = Table(box=None, padding=0, pad_edge=False, header_style="bold", show_header=True)
    for place, (title, size) in enumerate(zip(grid.header, grid.widths, strict=True)):
        style = "bold reverse" if place == grid.marked else "bold"
        if place:
            table.add_column("", width=grid.gap)
        table.add_column(
            Text(title, style), width=size, no_wrap=True, overflow="crop",
            justify="left" if place < grid.names else "right",
        )  # fmt: skip
    for row in grid.rows:
        table.add_row(*_spaced(row, ""))
    table.add_row(*_spaced(grid.total, "bold"))
    return table


def _spaced(cells: Sequence[str], style: str) -> list[Text]:
    spaced = [Text(cells[0], style)]
    for cell in cells[1:]:
        spaced += [Text(""), Text(cell, style)]
    return spaced

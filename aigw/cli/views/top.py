"""The screen of `aigw top`. Keys change the view; the view, a summary and the size of the terminal make a frame.
Frames are plain values, so that a frame is drawn only if it differs from the last one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Group
from rich.text import Text

from aigw.books.summary import Summary, UsageLine
from aigw.cli.terminal.columns import cut
from aigw.cli.terminal.figures import count, rate
from aigw.cli.views.usage import SORTING, Grid, fit, names_of, rich_table

BARS = " ▁▂▃▄▅▆▇█"
BESIDE_ROWS = 7
"""How many lines of the screen are never rows: title, sparkline, blank, header, total, legend, keys. A note is one
more."""
KEYS = "s/←→ sort  r reverse  p pause  q quit"


@dataclass(frozen=True, slots=True)
class Frame:
    title: str
    sparkline: str
    grid: Grid | None
    message: str
    note: str
    legend: str
    keys: str

    def rich(self) -> Group:
        """The frame for rich. Every line is one line of the terminal."""
        body = rich_table(self.grid) if self.grid else Text(self.message)
        below = (self.note, "yellow"), (self.legend, "dim"), (self.keys, "dim")
        return Group(
            Text(self.title, "bold", no_wrap=True),
            Text(self.sparkline, "green", no_wrap=True),
            Text(""),
            body,
            *(Text(line, style, no_wrap=True) for line, style in below if line),
        )


@dataclass(slots=True)
class View:
    """The state of the screen, which keys change. `column` is the index in SORTING of the column that sorts the rows.
    `offset` is the first row shown."""

    since: str
    name: str
    hint: str
    column: int = 0
    reverse: bool = False
    paused: bool = False
    offset: int = 0
    page: int = field(default=1, init=False)

    def press(self, key: str) -> bool:
        """Does what a key says. False if it says to quit."""
        if key in ("s", "right"):
            self.column = (self.column + 1) % len(SORTING)
        elif key in ("S", "left"):
            self.column = (self.column - 1) % len(SORTING)
        elif key == "r":
            self.reverse = not self.reverse
        elif key in ("p", " "):
            self.paused = not self.paused
        else:
            steps = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -self.page, "page down": self.page}
            ends = {"home": 0, "end": 1 << 30}
            self.offset = max(0, ends.get(key, self.offset + steps.get(key, 0)))
        return key not in ("q", "Q")

    def frame(self, summary: Summary, width: int, height: int, problem: str = "") -> Frame:
        """Lines of `width` cells; at most `height` of them, but never less than one row. Only `message` may wrap."""
        said = problem or note(summary)
        self.page = max(1, height - BESIDE_ROWS - bool(said))
        self.offset = min(self.offset, max(0, len(summary.rows) - self.page))
        shown = slice(self.offset, self.offset + self.page)
        below = len(summary.rows) - self.offset - self.page
        column = SORTING[self.column]
        more = [f"+{below} more ↓"] if below > 0 else [f"{self.offset} above ↑"] if self.offset else []
        state = [*(["PAUSED"] if self.paused else []), *more]
        keys = "  ".join([*state, f"by {column.name} {'▲' if self.reverse else '▼'}", KEYS])
        rows = self.sort(summary.rows)
        grid = fit(summary, rows, width, shown=shown, marked=column.name) if rows else None
        return Frame(
            title=cut(self.title(summary), width),
            sparkline=cut(sparkline(summary, width), width),
            grid=grid,
            message=self.nothing(summary),
            note=cut(said, width),
            legend=legend(grid.header, width) if grid is not None else "",
            keys=cut(keys, width),
        )

    def title(self, summary: Summary) -> str:
        window = "everything kept" if self.since == "all" else f"since {self.since}"
        return f"aigw top  {window}, by {' and '.join(summary.by)}  {self.name}"

    def sort(self, lines: Sequence[UsageLine]) -> list[UsageLine]:
        """The largest first. Lines without a value come last in both directions. Equal lines are sorted by name."""
        value = SORTING[self.column].value
        known = [line for line in lines if value(line) is not None]
        known.sort(key=names_of)
        known.sort(key=lambda line: value(line) or 0, reverse=not self.reverse)
        return known + sorted((line for line in lines if value(line) is None), key=names_of)

    def nothing(self, summary: Summary) -> str:
        if summary.rows:
            return ""
        if summary.latest is None:
            return self.hint
        when = datetime.fromtimestamp(summary.latest).strftime("%Y-%m-%d %H:%M")
        return f"No requests since {self.since}; the last one arrived {when}. Look further back with --since all."


def whole(view: View, summary: Summary, width: int) -> Frame:
    """Returns a frame with all rows and without a line of keys, for `--once`."""
    lines = view.sort(summary.rows)
    grid = fit(summary, lines, width) if lines else None
    return Frame(
        title=cut(view.title(summary), width),
        sparkline=cut(sparkline(summary, width), width),
        grid=grid,
        message=view.nothing(summary),
        note=cut(note(summary), width),
        legend=legend(grid.header, width) if grid is not None else "",
        keys="",
    )


def sparkline(summary: Summary, width: int) -> str:
    """Output tokens per second as a line of blocks, the newest on the right. The highest value has the full height."""
    highest = max(summary.series, default=0.0)
    now = summary.series[-1] if summary.series else 0.0
    ending = f" now {rate(now)}, highest {rate(highest)} in {len(summary.series) * summary.bucket_s:.0f}s"
    series = summary.series[-max(1, width - len("tok/s ") - len(ending)) :]
    top = len(BARS) - 1
    bars = [BARS[0 if value <= 0 else max(1, round(value / highest * top))] for value in series]
    return f"tok/s {''.join(bars)}{ending}"


def note(summary: Summary) -> str:
    """Says what the numbers leave out; "" if they leave out nothing."""
    total = summary.total
    parts = [
        (total.unpriced, "of unknown price (?)"),
        (total.absent, "without token counts"),
        (total.estimated, "with estimated tokens"),
    ]
    said = [f"{count(number)} {what}" for number, what in parts if number]
    return "requests: " + ", ".join(said) if said else ""


def legend(header: Sequence[str], width: int) -> str:
    """Explains the columns that are there, "" if they need no word."""
    names = [name for name in ("first p50", "first p95") if name in header]
    said = f"{', '.join(names).replace(', first', ',')}: time to the first token of a stream; - where there was none"
    return cut(said, width) if names else ""

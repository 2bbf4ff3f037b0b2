"""The line that `aigw serve` prints for a request.

Rule: texts of clients and providers are made plain."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache

from aigw.books.usage_row import UsageRow
from aigw.cli.terminal.columns import cells, cut
from aigw.cli.terminal.figures import count, milliseconds, money
from aigw.cli.terminal.output import UNLIMITED
from aigw.core.exchange import Exchange
from aigw.core.plain import plain
from aigw.core.tokens import Tokens

NAME_WIDTH, NARROWEST_NAME = 22, 8
COLUMNS = 79
"""How many cells the columns take with a name of NAME_WIDTH."""
MOST_WORDS = 160
"""How many cells the words at the end of a line may have in a pipe. On a terminal they may go on in a second line."""
MOST_CHARACTERS = 200
"""How many characters of an address are looked at, because this many fill its column in any case."""
INDENT = " " * 13


def line(row: UsageRow, exchange: Exchange, width: int = UNLIMITED) -> str:
    """Writes the line of a request that has just ended, with the remarks of plugins."""
    labels = exchange.labels
    more = [f"cache: {labels.cache}"] if labels.cache else []
    if labels.failed:
        more += [f"{name}: {reason}" for name, reason in labels.failed]
    if labels.remarks:
        more += [f"{name}: {remark}" for name, remark in labels.remarks.items() if remark != row.error]
    return of_row(row, f"{exchange.original.method} {exchange.original.path}", more, width)


def of_row(row: UsageRow, place: str, more: Sequence[str], width: int = UNLIMITED) -> str:
    """Writes the line of a request: time, status, model, tokens in and out, USD, time to the first token and to the
    end, and remarks. `~` stands before an estimated number, `?` for an unknown one.

    No line is wider than `width`, if `width` is at least 65: longer remarks continue in a second line, with `more` at
    its end. `place` is shown if the model is missing."""
    spent, made = _tokens(row.tokens)
    name_width = NAME_WIDTH if width >= COLUMNS else max(NAME_WIDTH + width - COLUMNS, NARROWEST_NAME)
    name = _name(row.model or place[:MOST_CHARACTERS], name_width)
    first = "" if row.first_token_ms is None else milliseconds(row.first_token_ms)
    cost = "" if row.cost is None and row.tokens.source == "absent" else f"${money(row.cost)}"
    total = milliseconds(row.total_ms)
    columns = (
        f"{_time_of_day(int(row.at))} {row.status} {name}"
        f" {spent.rjust(6)} in {made.rjust(6)} out {cost.rjust(8)} {first.rjust(6)} {total.rjust(6)}"
    )
    said = [*_words(row), *more]
    if not said:
        return columns
    words = plain(", ".join(said))
    if width == UNLIMITED or len(columns) + 2 + cells(words) <= width:
        return f"{columns}  {cut(words, MOST_WORDS)}"
    return f"{columns}\n{INDENT}{cut(words, min(MOST_WORDS, width - len(INDENT)))}"


@lru_cache(maxsize=256)
def _name(text: str, width: int) -> str:
    """The column of this name. It is kept, which spares a request 0.6 µs."""
    name = cut(plain(text), width)
    return name + " " * (width - cells(name))


@lru_cache(maxsize=64)
def _time_of_day(second: int) -> str:
    """This takes 0.6 µs, and many requests come in the same second."""
    return time.strftime("%H:%M:%S", time.localtime(second))


def _tokens(tokens: Tokens) -> tuple[str, str]:
    if tokens.source == "absent":
        return "-", "-"
    sign = "~" if tokens.source == "estimated" else ""
    spent, made = tokens.prompt, tokens.output
    return "?" if spent is None else sign + count(spent), "?" if made is None else sign + count(made)


def _words(row: UsageRow) -> list[str]:
    """Returns a few words about each thing that went wrong."""
    words = []
    if row.error:
        words.append(row.error)
    if row.outcome == "aborted":
        words.append("the client left")
    elif row.outcome == "failed" and not row.error:
        words.append("failed")
    if row.attempts > 1:
        words.append(f"{row.attempts} attempts, the last at {row.provider}")
    if row.asked and row.model and row.asked != row.model:
        words.append(f"for {row.asked}")
    return words

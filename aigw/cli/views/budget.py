"""Shows the accounts of ai-budget, for `aigw budget`. Its commands import this when they run."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from aigw.cli.sources.budget import owner
from aigw.cli.terminal.columns import cells, columns, cut
from aigw.cli.terminal.output import say_json, say_text, width
from aigw.plugins.ai_budget.amount import say, to_plain
from aigw.plugins.ai_budget.ledger import AccountLine


def show(lines: Sequence[AccountLine], *, as_json: bool) -> None:
    if as_json:
        say_json([_plain(line) for line in lines])
        return
    if not lines:
        say_text("Nothing has been used yet.")
        return
    wide = width()
    rows = [("budget", "for", "used", "of", "left", ""), *map(_cells, lines)]
    room = wide - sum(max(map(cells, column)) + 2 for column in zip(*(row[:1] + row[2:5] for row in rows), strict=True))
    table = columns([(row[0], cut(row[1], max(room, 10)), *row[2:5]) for row in rows])
    for line, row in zip(table, rows, strict=True):
        for each in _noted(line, row[5], wide):
            say_text(each)


def _noted(line: str, note: str, wide: int) -> list[str]:
    """The line with the note behind it, or below it if there is no room."""
    if cells(line) + cells(note) + 2 <= wide:
        return [f"{line}  {note}".rstrip()]
    return [line, *textwrap.wrap(note, wide, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)]


def _cells(line: AccountLine) -> tuple[str, ...]:
    unit = line.account.budget.unit
    left = line.limit - line.used
    notes = [f"{say(unit, line.held)} set aside"] if line.held else []
    notes += [f"raised by {say(unit, line.raised)}"] if line.raised else []
    notes += [f"{say('calls', line.unpriced)} of unknown price"] if line.unpriced else []
    notes += [f"anew at {line.anew}"] if line.anew else []
    return (
        line.account.budget.name,
        " ".join(owner(line.account)) or "all",
        say(unit, line.used) + ("+?" if line.unpriced else ""),
        say(unit, line.limit),
        say(unit, left) if left > 0 else "used up",
        ", ".join(notes),
    )


def _plain(line: AccountLine) -> dict[str, Any]:
    budget = line.account.budget
    amounts = {"used": line.used, "limit": line.limit, "left": line.limit - line.used, "held": line.held}
    return {
        "budget": budget.name,
        "for": line.account.named,
        "unit": budget.unit,
        **{name: to_plain(budget.unit, amount) for name, amount in amounts.items()},
        "raised": to_plain(budget.unit, line.raised),
        "unpriced_calls": line.unpriced,
        "anew": line.anew or None,
    }

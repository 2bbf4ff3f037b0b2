"""Shows what became of a run that was sent again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from aigw.cli.sources.replay import Replayed
from aigw.cli.terminal.columns import columns, cut, shorten
from aigw.cli.terminal.figures import counted
from aigw.cli.terminal.output import UNLIMITED
from aigw.cli.views.outcomes import cells, change_of, excerpts, plain_figures, plain_outcome, total_cells, values
from aigw.core.plain import plain
from aigw.core.redaction import Redaction
from aigw.traffic.runs.client_calls import ClientCall
from aigw.traffic.runs.condition import Condition
from aigw.traffic.runs.outcome import Outcome, changed, figures

NAME = 24
HEADER = ("call", "changed", "tokens", "$", "time")


class Row(NamedTuple):
    call: ClientCall
    old: Outcome
    new: Outcome
    changed: list[str]


def rows(found: Replayed) -> list[Row]:
    pairs = zip(found.run.calls, found.old, found.new, strict=True)
    return [Row(call, old, new, changed(old, new)) for call, old, new in pairs]


def failed(found: Replayed, conditions: Sequence[Condition]) -> list[str]:
    """Returns why the run counts as worse, a line each."""
    number = sum(bool(row.changed) for row in rows(found))
    old, new = values(figures(found.old), 0), values(figures(found.new), number)
    return [reason for each in conditions if (reason := each.holds(old, new))]


def plain_replay(found: Replayed, reasons: Sequence[str]) -> dict[str, Any]:
    each = [
        {
            "name": row.call.name,
            "session": row.call.group[1],
            "changed": row.changed,
            "old": plain_outcome(row.old),
            "new": plain_outcome(row.new),
        }
        for row in rows(found)
    ]
    number = sum(bool(row["changed"]) for row in each)
    totals = {"changed": number, "old": plain_figures(figures(found.old)), "new": plain_figures(figures(found.new))}
    return {"to": found.to, "calls": each, "total": totals, "failed": list(reasons)}


def lines(found: Replayed, width: int) -> Iterator[str]:
    """Yields a table of the calls that got another answer, and the sum of all."""
    everything = rows(found)
    shown = [row for row in everything if row.changed or row.new.remark]
    table = [HEADER, *(_cells(row) for row in shown)]
    total = ("total", counted(len(everything), "call"), *total_cells(figures(found.old), figures(found.new)))
    head, *body, last = columns([*table, total])
    yield cut(head, width)
    redaction, limit = Redaction(()), max(width // 2 - 12, 20) if width < UNLIMITED else 200
    for row, line in zip(shown, body, strict=True):
        yield cut(line, width)
        for name, old, new in excerpts(row.old, row.new, row.changed, redaction, limit):
            yield cut(f"  {name}: {_quoted(old)} -> {_quoted(new)}" if old else f"  {name}: {plain(new)}", width)
        if row.new.remark:
            yield cut(f"  {plain(row.new.remark)}", width)
    yield cut(last, width)
    different = sum(bool(row.changed) for row in everything)
    same = len(everything) - different
    yield f"{same:,} of {counted(len(everything), 'call')} got the answer that was recorded; sent to {found.to}"
    if all(row.new.status == 401 for row in everything):
        yield "It asks for a key, and recordings have none: set AIGW_KEY, or the variable that SDKs read."


def _cells(row: Row) -> tuple[str, ...]:
    name = shorten(row.call.name.removesuffix(".json"), NAME)
    return name, change_of(row.old, row.new, row.changed) or "-", *cells(row.old, row.new)


def _quoted(text: str) -> str:
    return f'"{plain(text)}"'

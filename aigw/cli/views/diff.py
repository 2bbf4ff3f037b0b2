"""Shows two recorded runs side by side, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from aigw.cli.terminal.columns import columns, cut, shorten
from aigw.cli.terminal.figures import counted
from aigw.cli.terminal.output import UNLIMITED
from aigw.cli.views.outcomes import cells, change_of, excerpts, plain_figures, plain_outcome, total_cells
from aigw.core.plain import plain
from aigw.core.redaction import Redaction
from aigw.traffic.matching.miss import Difference
from aigw.traffic.runs.outcome import figures
from aigw.traffic.runs.run_comparison import Compared, Comparison

HEADER = ("", "call", "changed", "tokens", "$", "time")
NAME, DEEP, NAMED = 24, 44, 3
"""How long the name of a call may be, and one with a folder before it; how many calls are named beside a difference."""


class Change(NamedTuple):
    """A difference of requests, and the names of the calls that have it."""

    difference: Difference
    calls: list[str]


def changes(found: Comparison) -> list[Change]:
    """Returns what differs in requests, once each: a prompt stands in every call of its conversation."""
    by: dict[Difference, list[str]] = {}
    for call in found.calls:
        for each in call.request:
            by.setdefault(each, []).append(name_of(call))
    return [Change(each, calls) for each, calls in by.items()]


def name_of(call: Compared) -> str:
    return call.call.name.removesuffix(".json")


def sign_of(call: Compared) -> str:
    return "+" if call.old is None else "-" if call.new is None else ">" if call.moved else "~"


def summary(found: Comparison) -> str:
    """Returns a line such as `20 calls -> 21: 1 added, 5 with another request`."""
    facts = [
        (sum(call.old is None for call in found.calls), "added"),
        (sum(call.new is None for call in found.calls), "removed"),
        (sum(call.moved for call in found.calls), "moved"),
        (sum(bool(call.request) for call in found.calls), "with another request"),
        (sum(bool(call.answer) for call in found.calls), "with another answer"),
    ]
    said = ", ".join(f"{count} {what}" for count, what in facts if count) or "no difference"
    return f"{counted(len(found.old), 'call')} -> {len(found.new):,}: {said}"


def lines(found: Comparison, width: int) -> Iterator[str]:
    """Yields what differs: requests, then a table of calls, then the sum of all."""
    yield summary(found)
    if requests := changes(found):
        yield ""
        yield "requests"
    for each in requests:
        yield cut(f"  {plain(str(each.difference))}", width)
        yield cut(f"    in {_calls(each.calls)}", width)
    yield ""
    shown = [call for call in found.calls if call.differs]
    total = ("", "total", "", *total_cells(figures(found.old), figures(found.new)))
    head, *body, last = columns([HEADER, *(row_of(call) for call in shown), total])
    yield cut(head, width)
    redaction, limit = Redaction(()), max(width // 2 - 12, 20) if width < UNLIMITED else 200
    for call, line in zip(shown, body, strict=True):
        yield cut(line, width)
        for name, old, new in answers(call, redaction, limit):
            yield cut(f"   {name}: {quoted(old)} -> {quoted(new)}" if old else f"   {name}: {plain(new)}", width)
    yield cut(last, width)


def _calls(names: list[str]) -> str:
    """Returns which calls have a difference, as far as there is room."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def row_of(call: Compared) -> tuple[str, ...]:
    before, after = call.before, call.after
    told = ["request"] if call.request else []
    if before is not None and after is not None:
        told += [each for each in [change_of(before, after, list(call.answer))] if each]
        figures_of = cells(before, after)
    else:
        outcome = after or before
        assert outcome is not None
        told, figures_of = ["added" if before is None else "removed"], cells(outcome, outcome)
    told = [*(["moved"] if call.moved else []), *told]
    return sign_of(call), shorten(name_of(call), DEEP if "/" in name_of(call) else NAME), ", ".join(told), *figures_of


def answers(call: Compared, redaction: Redaction, limit: int) -> Iterator[tuple[str, str, str]]:
    """Yields what changed in an answer: its name, and both texts."""
    if call.before is not None and call.after is not None:
        yield from excerpts(call.before, call.after, list(call.answer), redaction, limit)


def quoted(text: str) -> str:
    return f'"{plain(text)}"'


def plain_diff(found: Comparison) -> dict[str, Any]:
    """Returns the comparison as plain data, for `--json`."""
    return {
        "differs": found.differs,
        "total": {"old": plain_figures(figures(found.old)), "new": plain_figures(figures(found.new))},
        "requests": [{**each.difference._asdict(), "calls": each.calls} for each in changes(found)],
        "calls": [_plain(call) for call in found.calls if call.differs],
    }


def _plain(call: Compared) -> dict[str, Any]:
    return {
        "old": None if call.old is None else call.old.name,
        "new": None if call.new is None else call.new.name,
        "moved": call.moved,
        "request": [each._asdict() for each in call.request],
        "answer": list(call.answer),
        "before": None if call.before is None else plain_outcome(call.before),
        "after": None if call.after is None else plain_outcome(call.after),
    }

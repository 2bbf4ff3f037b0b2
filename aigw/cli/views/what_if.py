"""Shows what would have become of recorded calls with another configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aigw.cli.sources.what_if import Supposed, Supposition
from aigw.cli.terminal.columns import columns, cut, shorten
from aigw.cli.terminal.figures import count, counted, money
from aigw.cli.views.outcomes import plain_figures, plain_outcome
from aigw.core.plain import plain
from aigw.core.redaction import shown
from aigw.traffic.runs.outcome import figures

ROOM = 40
"""How many cells a line needs beside the words that say what becomes of calls."""
MOST_REASONS = 20
"""How many refused calls are listed; --json has all of them."""


def fate(each: Supposed) -> str:
    """Returns in one word what becomes of a call: refused, cached, answered (by a plugin), elsewhere or same."""
    if each.sent is None:
        return "cached" if each.cached else "refused" if each.after.failed else "answered"
    was, now = each.was, each.sent
    moved = (was.service, was.model, was.origin) != (now.service, now.model, now.origin)
    return "elsewhere" if moved else "same"


def told(each: Supposed) -> str:
    """Returns what becomes of a call, as people read it."""
    now, what = each.sent, fate(each)
    if now is None:
        words = {"cached": "from the cache", "answered": "answered by a plugin"}
        return words.get(what) or f"refused: {each.after.status} {shown(each.code)}".rstrip()
    if what == "same":
        return "as before"
    was, name = each.was, now.name or now.service
    if (was.service, was.model) == (now.service, now.model):
        return f"{now.model or now.service} at {now.origin}"
    return f"{was.model or was.service} -> {now.model or now.service} at {name}"


def lines(found: Supposition, title: str, width: int) -> Iterator[str]:
    calls = found.calls
    yield f"{counted(len(calls), 'call')} of {counted(found.sessions, 'session')} through {title}; nothing was sent"
    if found.keyless:
        yield "It asks for a key, and recordings have none: set AIGW_KEY to one of its keys."
    yield ""
    groups: dict[str, list[Supposed]] = {}
    for each in calls:
        groups.setdefault(told(each), []).append(each)
    rows: list[tuple[str, ...]] = [("", "calls", "tokens", "$ before", "$ after")]
    named = sorted(groups.items(), key=lambda group: (group[0] != "as before", -len(group[1])))
    rows += [_row(shorten(plain(name), max(width - ROOM, 20)), each) for name, each in named]
    for line in columns([*rows, _row("all", calls)]):
        yield cut(line, width)
    yield from _reasons([each for each in calls if fate(each) == "refused" and not each.before.failed], width)


def _row(name: str, calls: Sequence[Supposed]) -> tuple[str, ...]:
    before, after = figures(each.before for each in calls), figures(each.after for each in calls)
    costs = (money(each.cost, bool(each.unpriced and each.cost is not None)) for each in (before, after))
    return name, count(len(calls)), count(after.tokens), *costs


def _reasons(refused: Sequence[Supposed], width: int) -> Iterator[str]:
    """Yields why calls are refused that were answered before."""
    if refused:
        yield ""
        yield "refused"
    for each in refused[:MOST_REASONS]:
        why = shown(each.after.answer.error or each.code)
        yield cut(f"  {each.call.name.removesuffix('.json')}  {plain(why)}", width)
    if len(refused) > MOST_REASONS:
        yield f"  and {len(refused) - MOST_REASONS} more"


def plain_supposition(found: Supposition) -> dict[str, Any]:
    """Returns the result as plain data, for `--json`."""
    calls = found.calls
    return {
        "calls": [_plain(each) for each in calls],
        "total": {
            "before": plain_figures(figures(each.before for each in calls)),
            "after": plain_figures(figures(each.after for each in calls)),
        },
        "keyless": found.keyless,
    }


def _plain(each: Supposed) -> dict[str, Any]:
    return {
        "name": each.call.name,
        "fate": fate(each),
        "code": shown(each.code),
        "was": each.was._asdict(),
        "sent": None if each.sent is None else each.sent._asdict(),
        "before": plain_outcome(each.before),
        "after": plain_outcome(each.after),
    }

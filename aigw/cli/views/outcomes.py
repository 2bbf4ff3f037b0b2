"""Shows what clients got in two runs beside each other, for `aigw replay` and `aigw diff`.

Rule: a figure is the new one, with what became of the old one in percent. Texts of answers are shown without what looks
like a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aigw.cli.terminal.figures import count, milliseconds, money
from aigw.core.redaction import Redaction, without_secrets
from aigw.traffic.runs.condition import Values
from aigw.traffic.runs.outcome import Figures, Outcome


def plain_outcome(outcome: Outcome) -> dict[str, Any]:
    """Returns an outcome as plain data, for `--json`."""
    answer, tokens = outcome.answer, outcome.tokens
    return {
        "status": outcome.status,
        "error": without_secrets(answer.error),
        "text": without_secrets("\n".join(answer.text)),
        "calls": [{"name": call.name, "arguments": without_secrets(call.arguments)} for call in answer.calls],
        "finish": answer.finish,
        "service": outcome.service,
        "model": answer.model or outcome.model,
        "tokens": {"in": tokens.prompt, "out": tokens.output, "source": tokens.source},
        "usd": outcome.usd,
        "ms": outcome.ms,
        "remark": without_secrets(outcome.remark),
    }


def plain_figures(figures: Figures) -> dict[str, Any]:
    return {**figures._asdict(), "usd": figures.cost}


def values(figures: Figures, changed: int) -> Values:
    """Returns the figures by the metrics of conditions."""
    cost = None if figures.unpriced else figures.usd
    return {
        "cost": cost, "errors": figures.errors, "changed": changed, "tokens": figures.tokens, "latency": figures.ms,
    }  # fmt: skip


def cells(old: Outcome, new: Outcome) -> list[str]:
    """Returns tokens, cost and time of a call."""
    return [
        _with_change("?" if new.count is None else count(new.count), old.count, new.count),
        _with_change(money(new.usd), old.usd, new.usd),
        _with_change(milliseconds(new.ms), old.ms, new.ms),
    ]


def total_cells(old: Figures, new: Figures) -> list[str]:
    return [
        _with_change(count(new.tokens), old.tokens, new.tokens),
        _with_change(money(new.cost, bool(new.unpriced)), old.cost, new.cost),
        _with_change(milliseconds(new.ms), old.ms, new.ms),
    ]


def _with_change(shown: str, old: float | None, new: float | None) -> str:
    """Returns a new figure with its change: `12.3k +10%`."""
    if not old or new is None:
        return shown
    percent = 100 * (new - old) / old
    change = f"x{new / old:.0f}" if percent >= 999.5 else f"{percent:+.0f}%"
    return shown if change in ("+0%", "-0%") else f"{shown} {change}"


def change_of(old: Outcome, new: Outcome, changed: list[str]) -> str:
    """Returns in a few words what changed."""
    if "status" in changed:
        return f"{old.status or 'no answer'} -> {new.status or 'no answer'}"
    return ", ".join(changed)


def excerpts(
    old: Outcome, new: Outcome, changed: list[str], redaction: Redaction, limit: int
) -> Iterator[tuple[str, str, str]]:
    """Yields the name of what changed, and `limit` characters of both texts around their first difference."""
    before, after = _texts(old), _texts(new)
    for name in changed:
        if name in before:
            yield name, *redaction.pair(before[name], after[name], limit)
    if new.failed and new.answer.error and not old.failed:
        yield "error", "", redaction.text(new.answer.error, 2 * limit)


def _texts(outcome: Outcome) -> Mapping[str, str]:
    answer = outcome.answer
    calls = ", ".join(f"{call.name}({call.arguments})" for call in answer.calls)
    return {"text": "\n".join(answer.text), "calls": calls, "finish": answer.finish}

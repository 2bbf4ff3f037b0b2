"""The figures of an hour, a day, a week or a month, and what is left of limits, quotas and budgets.

Rule: a question that is being answered is asked once, however many pages ask it, and its answer is used again for some
seconds. When the gateway stops, nobody waits for it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_steps import Asked, Figures, UsageSteps
from aigw.core.allowance import URL, Allowance
from aigw.core.errors import GatewayError
from aigw.core.stores import StoreError
from aigw.server.page.requests import readable
from aigw.server.page.views import Inside


class _Span(NamedTuple):
    """A time that the page offers. `step` is in seconds, `fresh` is how long an answer is used."""

    step: float
    steps: int
    fresh: float


SPANS = {
    "1h": _Span(60, 60, 2),
    "24h": _Span(900, 96, 10),
    "7d": _Span(7200, 84, 30),
    "30d": _Span(21_600, 120, 60),
}


class Numbers:
    """The figures for all pages. It lives as long as the gateway."""

    def __init__(self, usage: SqliteUsageLog | None) -> None:
        self._closed = False
        self._steps = UsageSteps(usage.path, lambda: self._closed) if usage is not None else None
        self._asked: dict[str, tuple[float, asyncio.Task[dict[str, Any]]]] = {}

    async def of(self, since: str, now: float) -> dict[str, Any]:
        """Raises GatewayError 400 for a time that is not one of SPANS, StoreError."""
        span = SPANS.get(since)
        if span is None:
            raise GatewayError(400, f"since must be one of {', '.join(SPANS)}", code="invalid_query")
        asked_at, task = self._asked.get(since, (-math.inf, None))
        if task is None or now - asked_at > span.fresh or (task.done() and (task.cancelled() or task.exception())):
            task = asyncio.create_task(self._read(span, now))
            task.add_done_callback(_seen)
            self._asked[since] = now, task
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        self._closed = True
        tasks = [task for _, task in self._asked.values()]
        if tasks:
            await asyncio.wait(tasks)

    async def _read(self, span: _Span, now: float) -> dict[str, Any]:
        end = (math.floor(now / span.step) + 1) * span.step
        asked = Asked(end - span.step * span.steps, span.step, span.steps)
        if self._steps is None:
            return _as_data(asked, Figures(), [Figures()] * asked.steps, {})
        found = await asyncio.to_thread(self._steps.read, asked, now)
        by = {kind: [{"name": name, **_plain(each)} for name, each in named] for kind, named in found.by.items()}
        return _as_data(asked, found.totals, found.series, by)


def _seen(task: asyncio.Task[Any]) -> None:
    """Who asked gets the exception, if he is still there."""
    if not task.cancelled():
        task.exception()


def _as_data(asked: Asked, totals: Figures, series: Sequence[Figures], by: dict[str, Any]) -> dict[str, Any]:
    return {
        "since": asked.since,
        "until": asked.until,
        "step": asked.step,
        "series": [{"at": asked.since + place * asked.step, **_plain(each)} for place, each in enumerate(series)],
        "totals": _plain(totals),
        "by": by,
    }


def _plain(figures: Figures) -> dict[str, Any]:
    return msgspec.structs.asdict(figures)


async def limits(inside: Inside) -> list[dict[str, Any]]:
    """Returns what is left of limits, for every configuration of every plugin. An entry that cannot be read says so."""
    found = []
    for plugin in inside.loaded.plugins.values():
        for config in plugin.rules.configs:
            if config is not None:
                try:
                    allowances = await plugin.about.allowances(config, inside.env)
                    found += [_limit(each, inside.url) for each in allowances]
                except StoreError as error:
                    found.append({"what": plugin.name, "scope": "", "fault": readable(str(error))})
    return found


def _limit(allowance: Allowance, url: str) -> dict[str, Any]:
    values = allowance._replace(command=allowance.command.replace(URL, url))._asdict()
    return values | {name: readable(values[name]) for name in ("name", "scope", "command")}

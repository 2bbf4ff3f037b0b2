"""What is kept of every request: a usage row, a line of the access log, a line for people, a span.

Rule: the request itself only leaves a note; everything else happens a tenth of a second later, many at a time. A stream that told no
usage is estimated then, and a price that is not known yet is looked up then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from aigw.core.document import Document
from aigw.core.env import Clock, Tokens
from aigw.core.exchange import Exchange
from aigw.core.reply import Outcome
from aigw.providers import apis
from aigw.stores.access_log import AccessLog
from aigw.stores.base import UsageLog
from aigw.usage import row as rows
from aigw.usage.estimate import estimate
from aigw.usage.price import Prices, Query
from aigw.usage.row import UsageRow
from aigw.usage.telemetry import Telemetry
from aigw.usage.watch import UsageWatch

log = logging.getLogger("aigw")

INTERVAL = 0.1
"""Seconds between two rounds; with the usage log's own 0.1 s a row is on disk within 0.2 s."""

_encode = msgspec.json.Encoder().encode


class _Note(NamedTuple):
    exchange: Exchange
    status: int
    outcome: Outcome
    error: str
    ended: float


class Recorder:
    """`prices` may be replaced at any time. `show` gets each row and its notes for the line that people read; None shows nothing."""

    def __init__(
        self,
        *,
        clock: Clock,
        tokens: Tokens,
        prices: Prices,
        usage: UsageLog | None = None,
        access: AccessLog | None = None,
        telemetry: Telemetry | None = None,
        show: Callable[[UsageRow, dict[str, Any]], None] | None = None,
    ) -> None:
        self._clock = clock
        self._tokens = tokens
        self.prices = prices
        self._usage = usage
        self._access = access
        self._telemetry = telemetry
        self._show = show
        self._notes: list[_Note] = []
        self._task: asyncio.Task[None] | None = None
        self._failed = False

    def note(self, exchange: Exchange, status: int, outcome: Outcome, error: str = "") -> None:
        """A request has ended. `status` is what the client got, `error` the code of its error."""
        self._notes.append(_Note(exchange, status, outcome, error, self._clock.monotonic()))

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def aclose(self) -> None:
        """Writes what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._round()
        if self._usage is not None:
            await asyncio.to_thread(self._usage.close)
        if self._access is not None:
            self._access.close()
        if self._telemetry is not None:
            await asyncio.to_thread(self._telemetry.close)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                await self._round()
            except Exception:
                log.exception("recording requests failed")

    async def _round(self) -> None:
        notes, self._notes = self._notes, []
        lines: list[bytes] = []
        for note in notes:
            row = await self._row(note)
            if self._usage is not None:
                self._usage.append(row)
            extra = note.exchange.notes
            if self._access is not None:
                lines.append(_line(row, note))
            if self._telemetry is not None:
                traceparent = note.exchange.original.headers.get("traceparent", "")
                self._telemetry.record(row, extra.get("span_tags"), traceparent)
            if self._show is not None:
                self._show(row, extra)
        if self._access is not None and lines:
            await self._write(self._access, lines)

    async def _write(self, access: AccessLog, lines: Sequence[bytes]) -> None:
        try:
            await asyncio.to_thread(access.write, lines)
        except OSError as error:
            if not self._failed:
                log.warning("the access log cannot be written: %s", error.strerror or error)
            self._failed = True

    async def _row(self, note: _Note) -> UsageRow:
        exchange = note.exchange
        timing = exchange.timing
        watch = exchange.meter if isinstance(exchange.meter, UsageWatch) else None
        at = self._clock.time() - (self._clock.monotonic() - timing.arrived)
        total = note.ended - timing.arrived
        begun = note.ended if timing.first is None else timing.first
        asked = _asked(exchange)
        model = (watch.model if watch else "") or asked
        tokens, cost = rows.Tokens(), None
        if watch is not None:
            tokens = await self._count(note, watch, model)
            cost = watch.reader.cost
            if cost is None:
                cost = await self._price(tokens, watch, model, at)
        return UsageRow(
            id=exchange.id,
            at=at,
            route=exchange.route.name,
            service=exchange.route.service or (exchange.target.authority if exchange.target else ""),
            provider=exchange.attempts[-1] if exchange.attempts else "",
            api=apis.detect(exchange.original.path) or "",
            asked=asked,
            model=model,
            consumer=exchange.consumer or exchange.original.headers.get("x-mse-consumer", ""),
            stream=timing.first is not None,
            status=note.status,
            outcome=note.outcome.value,
            error=note.error,
            tokens=tokens,
            cost=cost,
            attempts=len(exchange.attempts),
            cache=exchange.notes.get("cache", ""),
            gateway_ms=_milliseconds(begun - timing.arrived - timing.waited),
            wait_ms=_milliseconds(timing.waited),
            first_token_ms=None if timing.first is None else _milliseconds(timing.first - timing.arrived),
            total_ms=_milliseconds(total),
        )

    async def _count(self, note: _Note, watch: UsageWatch, model: str) -> rows.Tokens:
        """What the provider reported; an estimate where an answer came and told nothing, or not the last of it."""
        tokens = watch.tokens
        cut = note.outcome is not Outcome.COMPLETE
        if tokens.source == "reported" and not (cut and tokens.output in (None, 0, 1)):
            return tokens
        text, reasoning = watch.produced()
        if not (text or reasoning):
            return tokens
        prompt = _prompt(note.exchange)

        def count() -> rows.Tokens:
            counted = estimate(tokens, prompt=prompt, text=text, counter=self._tokens, model=model, reasoning=reasoning)
            share = watch.share
            return counted if share == 1 else msgspec.structs.replace(counted, output=int((counted.output or 0) * share))

        return await asyncio.to_thread(count)

    async def _price(self, tokens: rows.Tokens, watch: UsageWatch, model: str, at: float) -> float | None:
        query = Query(watch.provider, model, watch.reader.tier)
        if not self.prices.ready(query, at):
            await self.prices.prepare(query, at)
        return self.prices.cost(tokens, query, at, watch.reader.parts)


def _milliseconds(seconds: float) -> float:
    return round(max(0.0, seconds) * 1000, 3)


def _asked(exchange: Exchange) -> str:
    """The model that the client named."""
    if not exchange.original.is_json or not exchange.original.body:
        return ""
    try:
        model = Document(exchange.original.body).get("model")
    except ValueError:
        return ""
    return model if isinstance(model, str) else ""


def _prompt(exchange: Exchange) -> str | list[dict[str, Any]]:
    """What was sent to the provider, for counting."""
    try:
        messages = Document(exchange.request.body).get("messages")
    except ValueError:
        return ""
    if isinstance(messages, list) and all(isinstance(message, dict) for message in messages):
        return messages
    return exchange.request.body.decode("utf-8", "replace")


def _line(row: UsageRow, note: _Note) -> bytes:
    exchange = note.exchange
    line: dict[str, Any] = {
        **msgspec.structs.asdict(row),
        "method": exchange.original.method,
        "path": exchange.original.path,
        "client": exchange.client,
    }
    for name in ("ai_log", "log_properties"):
        if value := exchange.notes.get(name):
            line[name] = value
    return _encode(line)

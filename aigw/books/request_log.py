"""Records every request: as a usage row, a line of the access log, a line in the terminal, and a span.

Rule: when a request ends, only a note is kept. All other work is done a twentieth of a second later, for many requests
at a time. If usage must be estimated or a price must be looked up, this is done in the background, so that other
requests do not wait for it. A draft of the row outlives a kill meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from aigw.books.access_log import AccessLog
from aigw.books.telemetry import Telemetry
from aigw.books.usage_log import UsageLog
from aigw.books.usage_row import UsageRow
from aigw.core.answer import Reader
from aigw.core.env import Clock, Tokenizer
from aigw.core.exchange import Exchange, session_of
from aigw.core.layers import Outcome
from aigw.core.plain import plain_json_line
from aigw.core.redaction import Redaction
from aigw.core.tokens import Tokens
from aigw.dialects import apis
from aigw.metering.estimate import estimate_answer, needs_estimate
from aigw.pricing.prices import Prices, Query

log = logging.getLogger("aigw")

INTERVAL = 0.05
"""Seconds between two rounds. The usage log adds less than this, so that a row is on disk within 0.2 s."""
MOST_NOTES = 32
"""If there are so many notes, the next round begins at once, so that notes do not pile up in memory."""
TURN = 20
"""After so many rows, other tasks of the event loop get a turn."""
LAST_SECONDS = 5.0
"""How many seconds prices and estimates may take when the gateway stops. Then rows are written without them."""

MOST_CHARACTERS = 200
"""The longest name that is kept, if a client or a provider chose the name. A longer one is cut."""


_encode = msgspec.json.Encoder().encode

Show = Callable[[UsageRow, Exchange], None]
"""Shows a request to the user. It must not block."""


class _Note:
    """A request that has ended. `fill` sets `asked`, `model`, `session` and `at` when the request is
    recorded."""

    __slots__ = ("asked", "at", "ended", "error", "exchange", "model", "outcome", "session", "status")

    def __init__(self, exchange: Exchange, status: int, outcome: Outcome, error: str, ended: float) -> None:
        self.exchange = exchange
        self.status = status
        self.outcome = outcome
        self.error = error
        self.ended = ended

    def fill(self, epoch: float) -> None:
        """`epoch` is the time of the monotonic clock at the start of 1970. An error that the provider reports is a
        failure, whatever the status is, and also if the client left because of it."""
        exchange, answer = self.exchange, self.exchange.answer
        if answer is not None and answer.error:
            self.outcome, self.error = Outcome.FAILED, _name(_without_keys(answer.error, exchange))
        self.asked = _name(exchange.named or exchange.dialect.asked(exchange.original, exchange.api).model)
        session = session_of(exchange.original.headers, exchange.asked)
        self.session = _name(_without_keys(session, exchange)) if session else ""
        self.model = _name((answer.model if answer else "") or exchange.mapped) or self.asked
        self.at = self.exchange.timing.arrived - epoch


class RequestLog:
    """Records the requests of a gateway. `prices` may be replaced at any time. `show` is called with each row and its
    request."""

    def __init__(
        self,
        *,
        clock: Clock,
        tokenizer: Tokenizer,
        prices: Prices,
        usage: UsageLog | None = None,
        access: AccessLog | None = None,
        telemetry: Telemetry | None = None,
        show: Show | None = None,
    ) -> None:
        self._clock = clock
        self._tokenizer = tokenizer
        self.prices = prices
        self._usage = usage
        self._access = access
        self._telemetry = telemetry
        self._show = show
        self._keeps = any(each is not None for each in (usage, access, telemetry, show))
        self._notes: list[_Note] = []
        self._lines: list[bytes] = []
        self._slow: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._failed = False

    def note(self, exchange: Exchange, status: int, outcome: Outcome, error: str = "") -> None:
        """Call it when a request has ended. `status` is the status that the client got, `error` is the code of the
        error ("" if none)."""
        if not self._keeps:
            return
        self._notes.append(_Note(exchange, status, outcome, error, self._clock.monotonic()))
        if len(self._notes) >= MOST_NOTES:
            self._wake.set()

    def start(self) -> None:
        if self._access is not None:
            with contextlib.suppress(OSError):  # the first write will say what is wrong
                self._access.open()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def aclose(self) -> None:
        """Records all requests that are left, and closes the logs."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task])
        await self._take_notes()
        if self._slow:
            _, late = await asyncio.wait(self._slow, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._write_lines()
        if self._usage is not None:
            await asyncio.to_thread(self._usage.close)
        if self._access is not None:
            self._access.close()
        if self._telemetry is not None:
            await asyncio.to_thread(self._telemetry.close)

    async def _run(self) -> None:
        while not self._stopping:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._wake.wait()
            self._wake.clear()
            await self._take_notes()
            await self._write_lines()

    async def _take_notes(self) -> None:
        notes, self._notes = self._notes, []
        for number, note in enumerate(notes, 1):
            try:
                self._take(note)
            except Exception:
                log.exception("recording %s failed", note.exchange.id)
            if number % TURN == 0:
                await asyncio.sleep(0)

    def _take(self, note: _Note) -> None:
        note.fill(self._clock.monotonic() - self._clock.time())
        answer = note.exchange.answer
        if answer is None:
            self._keep(note, Tokens(), 0.0 if _costs_nothing(note) else None)
            return
        tokens = answer.tokens
        if needs_estimate(note.exchange, answer):
            self._later(note, answer, tokens, count=True)
            return
        known, cost = self._cost_at_once(note, answer, tokens)
        if known:
            self._keep(note, tokens, cost)
        else:
            self._later(note, answer, tokens, count=False)

    def _cost_at_once(self, note: _Note, answer: Reader, tokens: Tokens) -> tuple[bool, float | None]:
        """Returns whether the cost can be told without waiting, and the cost (None if it is not known)."""
        usage = answer.usage
        if usage.cost is not None:
            return True, usage.cost
        if tokens.source == "absent" and _costs_nothing(note):
            return True, 0.0
        cost = self.prices.find(Query(answer.provider, note.model, usage.tier), note.at)
        if cost is not None:
            return True, cost(tokens, usage.parts)
        return tokens.source == "absent", None

    def _later(self, note: _Note, answer: Reader, tokens: Tokens, *, count: bool) -> None:
        if self._usage is not None:
            self._usage.draft(self._row(note, tokens, None))
        task = asyncio.create_task(self._complete(note, answer, tokens, count=count))
        self._slow.add(task)
        task.add_done_callback(self._slow.discard)

    async def _complete(self, note: _Note, answer: Reader, tokens: Tokens, *, count: bool) -> None:
        """Estimates the tokens of a request (`count`), or looks up its price, and then records it. It is recorded even
        if that fails."""
        cost = None
        try:
            if count:
                tokens = await asyncio.to_thread(estimate_answer, note.exchange, answer, tokenizer=self._tokenizer)
            known, cost = self._cost_at_once(note, answer, tokens)
            if not known:
                query, at = Query(answer.provider, note.model, answer.usage.tier), note.at
                prices = self.prices
                await prices.prepare(query, at)
                cost = prices.cost(tokens, query, at, answer.usage.parts)
        except Exception:
            log.exception("the usage of %s is not known", note.exchange.id)
        finally:
            self._keep(note, tokens, cost)

    def _keep(self, note: _Note, tokens: Tokens, cost: float | None) -> None:
        row = self._row(note, tokens, cost)
        exchange = note.exchange
        if self._usage is not None:
            self._usage.append(row)
        if self._access is not None:
            self._lines.append(as_json(row, exchange))
        if self._telemetry is not None:
            traceparent = exchange.original.headers.get("traceparent", "")
            self._telemetry.record(row, exchange.labels.span_tags, traceparent)
        if self._show is not None:
            self._show(row, exchange)

    def _row(self, note: _Note, tokens: Tokens, cost: float | None) -> UsageRow:
        exchange = note.exchange
        timing = exchange.timing
        begun = note.ended if timing.begun is None else timing.begun
        own = begun - timing.arrived - timing.waited
        gateway, wait, total = _milliseconds(own, timing.waited, note.ended - timing.arrived)
        first = None if timing.first is None else _milliseconds(timing.first - timing.arrived)[0]
        return UsageRow(
            id=exchange.id,
            at=note.at,
            route=exchange.route.name,
            service=exchange.route.service or (exchange.target.authority if exchange.target else ""),
            provider=exchange.attempts[-1] if exchange.attempts else "",
            api=exchange.api,
            asked=note.asked,
            model=note.model,
            consumer=_name(exchange.consumer) if exchange.consumer else "",
            stream=timing.first is not None,
            status=note.status,
            outcome=note.outcome._value_,  # `value` takes two calls
            error=note.error,
            tokens=tokens,
            cost=cost,
            attempts=len(exchange.attempts),
            cache=exchange.labels.cache,
            gateway_ms=gateway,
            wait_ms=wait,
            first_token_ms=first,
            total_ms=total,
            retrieved=tuple(exchange.labels.retrieved),
            guard=exchange.labels.guard,
            session=note.session,
        )

    async def _write_lines(self) -> None:
        lines, self._lines = self._lines, []
        if self._access is None or not lines:
            return
        try:
            await asyncio.to_thread(self._access.write, lines)
        except OSError as error:
            if not self._failed:
                log.warning("the access log cannot be written: %s", error.strerror or error)
            self._failed = True


def as_json(row: UsageRow, exchange: Exchange) -> bytes:
    """Returns a line of the access log, without the line break."""
    original = exchange.original
    more: dict[str, Any] = {"method": original.method, "path": original.path, "client": exchange.client}
    labels = exchange.labels
    if labels.ai_log:
        more["ai_log"] = labels.ai_log
    if labels.log_properties:
        more["log_properties"] = labels.log_properties
    try:
        rest = _encode(more)
    except UnicodeEncodeError:  # a header or the path has bytes that are not UTF-8
        rest = json.dumps(more, ensure_ascii=False).encode("utf-8", "replace")
    return plain_json_line(
        _encode(row)[:-1] + b"," + rest[1:]
    )  # joins two JSON objects as text, which is faster than as dicts


def _without_keys(text: str, exchange: Exchange) -> str:
    """Returns an error of a provider, which may quote the key that it got."""
    redaction = Redaction(())
    redaction.learn_headers(exchange.request.headers)
    redaction.learn_headers(exchange.original.headers)
    return redaction.text(text, MOST_CHARACTERS)


def _name(text: str) -> str:
    """Returns a name with at most MOST_CHARACTERS, and without bytes that are not UTF-8."""
    return text if text.isascii() and len(text) <= MOST_CHARACTERS else _cut(text)


def _cut(text: str) -> str:
    return text[:MOST_CHARACTERS].encode("utf-8", "replace").decode()


def _milliseconds(*seconds: float) -> list[float]:
    return [max(0, int(each * 1_000_000)) / 1000 for each in seconds]


def _costs_nothing(note: _Note) -> bool:
    """Whether the request certainly cost nothing: no provider was asked, or it was asked for something free."""
    exchange = note.exchange
    if exchange.timing.waited == 0 and note.outcome is Outcome.COMPLETE:
        return True
    return exchange.api in apis.FREE or (not exchange.api and not exchange.attempts)

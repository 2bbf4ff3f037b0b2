"""Records every request: as a usage row, a line of the access log, a line in the terminal, and a span.

Rule: when a request ends, only a note is kept. All other work is done for a few requests at a time, a twentieth of a
second later at the latest. If usage must be estimated or a price must be looked up, this is done in the background, so
that other requests do not wait for it. A draft of the row outlives a kill meanwhile. Where more waits than can be
counted in time, usage is estimated by sizes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aigw.books.access_log import AccessQueue, as_json
from aigw.books.note import Note
from aigw.books.telemetry import Telemetry
from aigw.books.usage_log import UsageLog
from aigw.books.usage_row import UsageRow
from aigw.core.answer import Reader
from aigw.core.env import Clock, Tokenizer
from aigw.core.exchange import Exchange
from aigw.core.layers import Outcome
from aigw.core.tokens import Tokens
from aigw.metering.estimate import estimate_answer, needs_estimate
from aigw.pricing.prices import Prices, Query

log = logging.getLogger("aigw")

INTERVAL = 0.05
"""How many seconds a note waits at most, before its row and its line wait for the threads that write them."""
AT_ONCE = 16
"""How many notes are worked on at once. What so few requests hold is still in the processor's cache: in rounds of
50 ms, which are 150 requests under load, the gateway takes 13 % more for each."""
LAST_SECONDS = 5.0
"""How many seconds prices and estimates may take when the gateway stops. Then rows are written without them."""
UNCOUNTED = 4 * 1024 * 1024
"""While requests of so many bytes wait for their tokens to be counted, which takes seconds, others are estimated by
their size."""
BESIDE = 8 * 1024
"""About how many bytes a request holds beside its texts."""

Show = Callable[[UsageRow, Exchange], None]
"""Shows a request to the user. It must not block."""


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
        access: AccessQueue | None = None,
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
        self._ended: list[tuple[Exchange, int, Outcome, str, float]] = []
        self._rows: list[UsageRow] = []
        self._lines: list[bytes] = []
        self._slow: set[asyncio.Task[None]] = set()
        self._uncounted = 0
        """The size in bytes of all requests whose tokens are being counted."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next: asyncio.Handle | None = None

    def note(self, exchange: Exchange, status: int, outcome: Outcome, error: str = "") -> None:
        """Call it when a request has ended. `status` is the status that the client got, `error` is the code of the
        error ("" if none)."""
        if not self._keeps:
            return
        self._ended.append((exchange, status, outcome, error, self._clock.monotonic()))
        if self._loop is None:
            return
        if len(self._ended) == AT_ONCE:
            self._loop.call_soon(self._record)
        elif self._next is None:
            self._next = self._loop.call_later(INTERVAL, self._round)

    def start(self) -> None:
        if self._access is not None:
            self._access.open()
        self._loop = asyncio.get_running_loop()

    async def aclose(self) -> None:
        """Records all requests that are left, and closes the logs."""
        self._loop = None
        if self._next is not None:
            self._next.cancel()
        self._record()
        if self._slow:
            _, late = await asyncio.wait(self._slow, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for each in (self._usage, self._access, self._telemetry):
            if each is not None:
                await asyncio.to_thread(each.close)

    def _round(self) -> None:
        self._next = None
        self._record()

    def _record(self) -> None:
        """Records the requests that have ended."""
        ended, self._ended = self._ended, []
        epoch = self._clock.monotonic() - self._clock.time()
        for each in ended:
            try:
                self._take(Note(*each, epoch))
            except Exception:
                log.exception("recording %s failed", each[0].id)
        self._hand_over()

    def _take(self, note: Note) -> None:
        answer = note.exchange.answer
        if answer is None:
            self._keep(note, Tokens(), 0.0 if note.costs_nothing else None)
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

    def _cost_at_once(self, note: Note, answer: Reader, tokens: Tokens) -> tuple[bool, float | None]:
        """Returns whether the cost can be told without waiting, and the cost (None if it is not known)."""
        usage = answer.usage
        if usage.cost is not None:
            return True, usage.cost
        if tokens.source == "absent" and note.costs_nothing:
            return True, 0.0
        cost = self.prices.find(Query(answer.provider, note.model, usage.tier), note.at)
        if cost is not None:
            return True, cost(tokens, usage.parts)
        return tokens.source == "absent", None

    def _later(self, note: Note, answer: Reader, tokens: Tokens, *, count: bool) -> None:
        if self._usage is not None:
            self._usage.draft(note.row(tokens, None))
        task = asyncio.create_task(self._complete(note, answer, tokens, count=count))
        self._slow.add(task)
        task.add_done_callback(self._slow.discard)

    async def _complete(self, note: Note, answer: Reader, tokens: Tokens, *, count: bool) -> None:
        """Estimates the tokens of a request (`count`), or looks up its price, and then records it. It is recorded even
        if that fails."""
        cost = None
        try:
            if count:
                tokens = await self._estimated(note.exchange, answer)
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
            self._hand_over()

    async def _estimated(self, exchange: Exchange, answer: Reader) -> Tokens:
        """Counts tokens in a thread, or estimates them by their size if too much waits for that."""
        if self._uncounted > UNCOUNTED:
            return estimate_answer(exchange, answer, tokenizer=None)
        size = len(exchange.request.body) + answer.size + BESIDE
        self._uncounted += size
        try:
            return await asyncio.to_thread(estimate_answer, exchange, answer, tokenizer=self._tokenizer)
        finally:
            self._uncounted -= size

    def _keep(self, note: Note, tokens: Tokens, cost: float | None) -> None:
        row = note.row(tokens, cost)
        exchange = note.exchange
        if self._usage is not None:
            self._rows.append(row)
        if self._access is not None:
            self._lines.append(as_json(row, exchange))
        if self._telemetry is not None:
            traceparent = exchange.original.headers.get("traceparent", "")
            self._telemetry.record(row, exchange.labels.span_tags, traceparent)
        if self._show is not None:
            self._show(row, exchange)

    def _hand_over(self) -> None:
        """Gives the rows and lines to the threads that write them."""
        if self._usage is not None:
            rows, self._rows = self._rows, []
            self._usage.extend(rows)
        if self._access is not None:
            lines, self._lines = self._lines, []
            self._access.extend(lines)

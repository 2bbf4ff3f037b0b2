"""Decides of which requests details are kept, and keeps them.

Rule: with nobody looking, a request costs one look at `on`. Somebody looks while events are read, for LOOK_SECONDS
after the list of requests was read, or always if `aigw serve --inspect` says so. Then, too, details are written down
of BURST requests at once and A_SECOND a second after that, so that they cost little under load. What is kept is
forgotten FORGET_SECONDS after the last look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from aigw.core.env import Clock
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.server.page.recent_details import Detail, KeptAnswer, RecentDetails
from aigw.trace.tracer import Applied, RequestTrace, Tracer

LOOK_SECONDS = 60.0
FORGET_SECONDS = 600.0
BURST, A_SECOND = 100.0, 5.0
"""How many requests at once have their details written down, and how many more each second while the load lasts."""

Later = Callable[[float, Callable[[], None]], asyncio.TimerHandle]
Sink = Callable[[RequestTrace], None]


class Watch:
    """Lives as long as the gateway. `on` tells whether somebody looks. `under_way` has the requests that are being
    written down, by their ids. `monotonic` is the clock by which A_SECOND is counted, `later` calls something after so
    many seconds."""

    def __init__(
        self,
        kept: RecentDetails,
        *,
        always: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
        later: Later | None = None,
    ) -> None:
        self.kept = kept
        self.on = always
        self.under_way: dict[str, _UnderWay] = {}
        self._always = always
        self._readers = 0
        self._monotonic = monotonic
        self._later = later or (lambda seconds, do: asyncio.get_running_loop().call_later(seconds, do))
        self._allowed, self._counted = BURST, 0.0
        self._timer: asyncio.TimerHandle | None = None

    def admits(self) -> bool:
        """Whether details of one more request may be written down now."""
        now = self._monotonic()
        self._allowed = min(BURST, self._allowed + (now - self._counted) * A_SECOND)
        self._counted = now
        if self._allowed < 1:
            return False
        self._allowed -= 1
        return True

    def look(self) -> None:
        """Call this when somebody has read the list of requests."""
        self.on = True
        if not self._readers:
            self._after(LOOK_SECONDS, self._close)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Marks that somebody reads events until the block ends."""
        self._readers += 1
        self.on = True
        self._stop()
        try:
            yield
        finally:
            self._readers -= 1
            if not self._readers:
                self._after(LOOK_SECONDS, self._close)

    def close(self) -> None:
        self._stop()

    def composer(self, clock: Clock, secrets: Iterable[str], also: Sink | None = None) -> Watched:
        """Makes the chains of a configuration that are watched. `also` gets each trace, too."""
        return Watched(self, clock, secrets, also)

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        self._stop()
        if not self._always:
            self._timer = self._later(seconds, do)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        self.on = False
        self._after(FORGET_SECONDS, self.kept.clear)


class _UnderWay:
    __slots__ = ("answer", "exchange")

    def __init__(self, exchange: Exchange, answer: KeptAnswer) -> None:
        self.exchange = exchange
        self.answer = answer


class Watched:
    """Composes chains that write down what happens, as with `--trace`, and what the client gets."""

    def __init__(self, watch: Watch, clock: Clock, secrets: Iterable[str], also: Sink | None) -> None:
        self._watch = watch
        self._also = also
        self._tracer = Tracer(clock, self._ended, secrets)

    def compose(self, plugins: Sequence[Applied], absent: Sequence[str], terminal: Next) -> Next:
        traced, watch = self._tracer.compose(plugins, absent, terminal), self._watch

        async def call(exchange: Exchange) -> Reply:
            if exchange.trace is not None:  # the route was chosen again
                return await traced(exchange)
            answer = KeptAnswer(watch.kept)
            watch.under_way[exchange.id] = _UnderWay(exchange, answer)
            try:
                reply = await traced(exchange)
            except (GatewayError, UpstreamError) as error:
                answer.error = error
                raise
            answer.begin(reply.status, reply.headers, streaming=reply.streaming)
            return reply.tap(answer.look)

        return call

    def _ended(self, trace: RequestTrace) -> None:
        if self._also is not None:
            self._also(trace)
        found = self._watch.under_way.pop(trace.exchange.id, None)
        if found is not None:
            exchange, answer = found.exchange, found.answer
            self._watch.kept.add(Detail(trace.settled(), answer, exchange.dialect, exchange.api))

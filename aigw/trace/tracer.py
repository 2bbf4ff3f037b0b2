"""Records a request for `--trace` while it is served: for the visit of every plugin the request that it got and passed
on, the answer that it got and gave, and the times.

Rule: while a request is served, the tracer only makes copies. build.py and writer.py compare, redact and write later,
in a thread. Without a Tracer none of this is in the chain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from typing import Any, NamedTuple, cast

from multidict import CIMultiDict

from aigw.core.env import Clock
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.exchange import Exchange, Labels, Timing
from aigw.core.layers import Outcome
from aigw.core.model import Request, Route
from aigw.core.plugin import Next, Plugin, compose
from aigw.core.reply import Reply
from aigw.core.tokens import Tokens

MAX_VISITS = 100
"""Turns beyond this number, which are mostly retries, are only counted."""
CLIENT_LEFT = 499


class Applied(NamedTuple):
    """A plugin of a chain. `why` says which of its configurations applies, as `PluginRules.why` does."""

    name: str
    plugin: Plugin
    why: Mapping[str, Any]


class ReplyState(NamedTuple):
    """An answer at one point of its way. `reply` identifies the reply. `rewriters` is how many plugins had begun to
    rewrite it."""

    reply: int
    status: int
    headers: CIMultiDict[str]
    rewriters: int


class Visit:
    """The visit of one plugin, or of the terminal (then `applied` is None). Times are monotonic seconds.

    A plugin that passes a request on several times has a visit for each time. `again` is the number of the visit, and
    `began` is when the visit before it came back. `entered` is the request that the plugin got, `passed` the one that
    it passed on (None: it answered itself). `got` and `gave` are the answer before and after it. `error` is an error
    that the plugin raised itself."""

    __slots__ = (
        "again", "answered", "applied", "began", "ended", "entered", "error", "gave", "got", "origin", "passed",
        "passed_at", "provider", "returned_at",
    )  # fmt: skip

    def __init__(self, applied: Applied | None, began: float, entered: Request, again: int = 0) -> None:
        self.applied = applied
        self.began = began
        self.entered = entered
        self.again = again
        self.passed: Request | None = None
        self.passed_at: float | None = None
        self.returned_at: float | None = None
        self.ended: float | None = None
        self.got: ReplyState | None = None
        self.gave: ReplyState | None = None
        self.error = ""
        self.provider = ""
        self.origin = ""

    def settled(self, requests: _Bytes) -> Visit:
        twin = copy(self)
        twin.entered = requests.of(self.entered)
        twin.passed = None if self.passed is None else requests.of(self.passed)
        return twin


class Ended(NamedTuple):
    """What a record keeps of an exchange that has ended."""

    id: str
    route: Route
    consumer: str
    timing: Timing
    labels: Labels


class RequestTrace:
    """Everything about one request. `secrets` are values that must not be shown. `ended` is the time of the last
    byte."""

    __slots__ = (
        "absent",
        "answered",
        "asked",
        "at",
        "ended",
        "error",
        "exchange",
        "first",
        "left_out",
        "outcome",
        "secrets",
        "seen",
        "status",
        "streaming",
        "tokens",
        "visits",
    )  # fmt: skip

    def __init__(self, exchange: Exchange, at: float, secrets: Iterable[str], absent: Sequence[str]) -> None:
        self.exchange: Exchange | Ended = exchange
        self.at = at
        self.secrets = secrets
        self.absent = absent
        self.first = self.seen = exchange.request.copy()
        self.visits: list[Visit] = []
        self.left_out = 0
        self.status = 0
        self.streaming = False
        self.outcome = ""
        self.error = ""
        self.ended: float | None = None
        self.asked = self.answered = ""
        self.tokens = Tokens()

    def tell(self, exchange: Exchange) -> None:
        """Notes the models and what was spent, when the answer has ended."""
        self.asked = exchange.dialect.asked(exchange.original, exchange.api).model
        if exchange.answer is not None:
            self.answered, self.tokens = exchange.answer.model, exchange.answer.tokens

    def add(self, visit: Visit) -> Visit:
        if len(self.visits) < MAX_VISITS:
            self.visits.append(visit)
        else:
            self.left_out += 1
        return visit

    @property
    def size(self) -> int:
        """About how many bytes its bodies have."""
        bodies = [self.first.body, *(visit.passed.body for visit in self.visits if visit.passed is not None)]
        return sum({id(body): len(body) for body in bodies}.values())

    def settled(self) -> RequestTrace:
        """Returns the same without the exchange and without parsed bodies, so that it holds little more than the bytes
        of its bodies. Call it after the end."""
        twin = copy(self)
        exchange, requests = self.exchange, _Bytes()
        labels = Labels()
        labels.retrieved, labels.remarks = exchange.labels.retrieved, exchange.labels.remarks
        twin.exchange = Ended(exchange.id, exchange.route, exchange.consumer, exchange.timing, labels)
        twin.first = twin.seen = requests.of(self.first)
        twin.visits = [visit.settled(requests) for visit in self.visits]
        return twin


class _Gone:
    """Stands for the rest of an upload that has passed."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


class _Bytes:
    """Makes requests that have no more than their bytes; one of each, and one body of all that are the same."""

    def __init__(self) -> None:
        self._made: dict[int, Request] = {}
        self._bodies: dict[bytes, bytes] = {}

    def of(self, request: Request) -> Request:
        made = self._made.get(id(request))
        if made is None:
            body = request.body
            if request.parsed is not None:
                with suppress(ValueError):  # it was not sent either
                    body = request.parsed.encode()
            body = self._bodies.setdefault(body, body)
            upload = None if request.upload is None else _Gone()
            made = Request(request.method, request.path, request.query, request.headers, body, upload)
            self._made[id(request)] = made
        return made


class Tracer:
    """Makes chains that record. `sink` gets each trace after the last byte. It must not raise or block."""

    def __init__(self, clock: Clock, sink: Callable[[RequestTrace], None], secrets: Iterable[str] = ()) -> None:
        self._clock = clock
        self._sink = sink
        self._secrets = frozenset(secrets)

    def compose(self, plugins: Sequence[Applied], absent: Sequence[str], terminal: Next) -> Next:
        """Composes a chain as `plugin.compose` does. `absent` are the configured plugins that do not take part. A
        plugin without a name is a part of the gateway and is not watched."""
        chain = compose([self._watched(each) if each.name else each.plugin for each in plugins], self._ending(terminal))

        async def call(exchange: Exchange) -> Reply:
            begun = exchange.trace
            if isinstance(begun, RequestTrace):  # the route was chosen again: these are its plugins
                done = {visit.applied.name for visit in begun.visits if visit.applied is not None}
                begun.absent = [name for name in absent if name not in done]
                return await chain(exchange)
            trace = RequestTrace(exchange, self._clock.time(), self._secrets, absent)
            exchange.trace = trace
            exchange.defer(self._finish, trace, exchange)
            try:
                reply = await chain(exchange)
            except BaseException as error:
                trace.status, trace.error = _status(error), _error_text(error)
                raise
            trace.status, trace.streaming = reply.status, reply.streaming
            return reply.tap(on_end=lambda outcome: self._ended(trace, outcome))

        return call

    def _ended(self, trace: RequestTrace, outcome: Outcome) -> None:
        trace.outcome = outcome.value
        trace.ended = self._clock.monotonic()

    async def _finish(self, trace: RequestTrace, exchange: Exchange) -> None:
        if trace.ended is None:
            trace.ended = self._clock.monotonic()
        trace.tell(exchange)
        self._sink(trace)

    def _watched(self, applied: Applied) -> Plugin:
        plugin, now = applied.plugin, self._clock.monotonic

        async def watched(exchange: Exchange, call_next: Next) -> Reply:
            trace = cast(RequestTrace, exchange.trace)
            visits = [trace.add(Visit(applied, now(), trace.seen))]
            entered = trace.seen
            inner: BaseException | None = None

            async def pass_on(exchange: Exchange) -> Reply:
                nonlocal inner
                visit = visits[-1]
                if visit.passed is not None:
                    visit = trace.add(Visit(applied, visit.returned_at or now(), entered, len(visits) + 1))
                    visits.append(visit)
                visit.passed_at = now()
                visit.passed = trace.seen = exchange.request.copy()
                try:
                    reply = await call_next(exchange)
                except BaseException as error:
                    inner = error
                    raise
                finally:
                    visit.returned_at = now()
                visit.got = _look(reply)
                return reply

            try:
                reply = await plugin(exchange, pass_on)
                visits[-1].gave = _look(reply)
            except BaseException as error:
                if error is not inner:
                    visits[-1].error = _error_text(error)
                raise
            finally:
                visits[-1].ended = now()
                inner = None  # an error holds its frames, and they hold this
            return reply

        return watched

    def _ending(self, terminal: Next) -> Next:
        now = self._clock.monotonic

        async def ending(exchange: Exchange) -> Reply:
            trace = cast(RequestTrace, exchange.trace)
            visit = trace.add(Visit(None, now(), trace.seen))
            if exchange.target is not None:
                visit.origin = str(exchange.target.origin)
            visit.provider = exchange.attempts[-1] if exchange.attempts else ""
            try:
                reply = await terminal(exchange)
                visit.gave = _look(reply)
            except BaseException as error:
                visit.error = _error_text(error)
                raise
            finally:
                visit.ended = now()
            return reply

        return ending


def _look(reply: Reply) -> ReplyState:
    return ReplyState(id(reply), reply.status, CIMultiDict(reply.headers), reply.rewriters)


def _status(error: BaseException) -> int:
    if isinstance(error, UpstreamError):
        return error.fault.status
    if isinstance(error, GatewayError):
        return error.status
    return 500 if isinstance(error, Exception) else CLIENT_LEFT


def _error_text(error: BaseException) -> str:
    """The words of the gateway's own errors, which have no secrets. Of other errors only the kind; the log has more."""
    if isinstance(error, GatewayError | UpstreamError):
        return f"{_status(error)} {error}"
    return type(error).__name__ if isinstance(error, Exception) else "cancelled: the client left"

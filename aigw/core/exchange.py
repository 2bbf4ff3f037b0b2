"""One client request, with everything that belongs to it: its answer, its replies and its deferred jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Literal, Protocol

from multidict import CIMultiDict

from aigw.core.answer import Reader
from aigw.core.dialect import Asked, Dialect
from aigw.core.headers import CONSUMER_HEADER, CONVERSATION_HEADERS
from aigw.core.layers import ChunkSource
from aigw.core.model import Chunk, Request, Route
from aigw.core.reply import Fixed, Reply
from aigw.core.retrieval import Retrieved

log = logging.getLogger("aigw")

DEFERRED_SECONDS = 30.0
"""A deferred job that takes longer is cancelled, so that jobs do not pile up if a store hangs."""

Jobs = set[asyncio.Task[None]]


CacheStatus = Literal["", "hit", "miss", "bypass"]
"""What a cache did with a request, "" if no cache handled it."""


GuardStatus = Literal["", "masked", "denied"]
"""What a content guard did to a request or its answer."""


class Labels:
    """What plugins report about an exchange, for the usage row, the access log, counters, the terminal and spans. No
    decision about a request or its answer reads them, and plugins do not use them to exchange data.

    `ai_log` is Higress's field of that name in the access log. `log_properties` become fields of their own in the
    access log. `span_tags` are the tags that Higress puts on the span. `retrieved` are the passages that were put into
    the request. `failed` are the providers that failed and for which another one was asked, each with its status and
    the code of the error. `remarks` has, under the name of a plugin, a few words for users, such
    as why the plugin refused the request."""

    __slots__ = ("ai_log", "cache", "failed", "guard", "log_properties", "remarks", "retrieved", "span_tags")

    def __init__(self) -> None:
        self.cache: CacheStatus = ""
        self.guard: GuardStatus = ""
        self.ai_log: dict[str, Any] = {}
        self.span_tags: dict[str, str] = {}
        self.log_properties: dict[str, str] = {}
        self.remarks: dict[str, str] = {}
        self.retrieved: Sequence[Retrieved] = ()
        self.failed: Sequence[tuple[str, str]] = ()


class Timing:
    """When the steps of one request happened, in monotonic seconds. None means that the step has not happened.

    `arrived` is when the first byte of the request was read. `waited` is how many seconds the upstreams took until they
    began to answer, all attempts together. If the answer is passed on piece by piece, `begun` is when its first piece
    was written to the client. `first` is the same time, but only if that piece was an event of a stream."""

    __slots__ = ("arrived", "begun", "first", "waited")

    def __init__(self, arrived: float) -> None:
        self.arrived = arrived
        self.waited = 0.0
        self.begun: float | None = None
        self.first: float | None = None


class Watcher(Protocol):
    """Looks at an answer while it arrives from the upstream."""

    at: int
    """From this size of the answer on, in bytes, the watcher wants to look."""

    async def look(self, answer: Reader) -> None:
        """Raises GatewayError if the answer must break off."""
        ...


class Exchange:
    """One client request on its way through a chain. Plugins read and change `request`, and call `call_next` with the
    exchange.

    `original` is the request as the client sent it; nobody changes it. `api` is the name of the API to which its path
    belongs ("" if none), `dialect` is the wire format of that API, and `asked` is a view of `request`.

    `named` is the model that the client has named, "" if it named none or nobody has looked yet.

    `mapped` is the model in the request to the last provider, "" if it is the one that the client named.

    `target` is where the request is sent: the route's own target until ai-proxy sets another. `wire` is the dialect in
    which the request is sent, `wire_api` the name of the API to which it is sent. `provider` is the type of the
    provider in the catalog. `answer` reads the upstream's answer, also if the client does not get to see it; it is None
    until an upstream has answered.

    `consumer` is the name of the client: the one in `x-mse-consumer` until key-auth sets it. `gates` are asked before
    each call of an upstream, when `provider` and `mapped` are known; they raise GatewayError to refuse it. `watchers`
    look at each answer of an upstream. `trace` is what `--trace` keeps of the request, None without `--trace`."""

    __slots__ = (
        "__weakref__", "_deferred", "_jobs", "_replies", "_soon", "_started", "answer", "api", "asked", "attempts",
        "client", "consumer", "dialect", "gates", "id", "labels", "mapped", "named", "original", "provider",
        "request", "route", "target", "timing", "trace", "watchers", "wire", "wire_api",
    )  # fmt: skip

    def __init__(
        self,
        *,
        id: str,
        request: Request,
        route: Route,
        api: str,
        dialect: Dialect,
        client: str,
        arrived: float,
        jobs: Jobs,
    ) -> None:
        self.id = id
        self.original = request
        self.request = request.copy()
        self.route = route
        self.api = self.wire_api = api
        self.named = ""
        self.mapped = ""
        self.dialect = self.wire = dialect
        self.asked = dialect.asked(self.request, api)
        self.answer: Reader | None = None
        self.provider = ""
        self.client = client
        self.timing = Timing(arrived)
        self.consumer = request.headers.get(CONSUMER_HEADER, "")
        self.target = route.target
        self.attempts: list[str] = []
        self.watchers: Sequence[Watcher] = ()
        self.gates: Sequence[Callable[[], Awaitable[None]]] = ()
        self.trace: object = None
        self.labels = Labels()
        self._replies: list[Reply] = []
        self._deferred: list[tuple[Callable[..., Awaitable[None]], tuple[Any, ...]]] = []
        self._soon: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._started: tuple[asyncio.Task[None], ...] = ()
        self._jobs = jobs

    @property
    def sent(self) -> Asked:
        """A view of the request as it was sent to the provider, in whose format it is."""
        return self.wire.asked(self.request, self.wire_api)

    @property
    def expected(self) -> Asked:
        """A view of what the provider was asked for: the client's own request, unless it went in another format."""
        return self.asked if self.wire is self.dialect else self.sent

    def session(self, header: str = "") -> str:
        """What the client calls its conversation: in `header`, in another header that names one, or in the body. ""
        if it does not say. This is the one place that decides it."""
        return session_of(self.request.headers, self.asked, header)

    def reply(
        self,
        chunks: bytes | ChunkSource,
        *,
        status: int = 200,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        streaming: bool = False,
    ) -> Reply:
        """Returns a new reply, which this exchange closes at its end. `chunks` are the bytes of a complete answer, or
        the source of a body that is still to come."""
        source = Fixed(Chunk(chunks, chunks)) if isinstance(chunks, bytes) else chunks
        reply = Reply(source, status, CIMultiDict(headers), streaming=streaming)
        self._replies.append(reply)
        return reply

    def defer(self, job: Callable[..., Awaitable[None]], *args: Any) -> None:
        """Runs `job(*args)` in its own task after the last byte of the answer, also if the client has left. The job is
        cancelled after DEFERRED_SECONDS. If it fails, the error is logged."""
        self._deferred.append((job, args))

    def soon(self, job: Callable[..., None], *args: Any) -> None:
        """Runs a plain function after the last byte of the answer, without a task of its own: for what waits for
        nothing. If it fails, the error is logged."""
        self._soon.append((job, args))

    async def aclose(self) -> None:
        """Closes all replies, newest first, then starts the deferred jobs. It does all of this even if a reply raises
        an error or the request is cancelled meanwhile."""
        cancelled: asyncio.CancelledError | None = None
        while self._replies:
            try:
                await self._replies.pop().aclose()
            except asyncio.CancelledError as error:
                cancelled = error
            except Exception:
                log.exception("closing a reply failed")
        self.gates = ()  # they hold this exchange: only the garbage collector would find it, with its bodies
        self.watchers = ()
        if self._deferred or self._soon:
            self._start_jobs()
        if cancelled is not None:
            raise cancelled

    def _start_jobs(self) -> None:
        for call, args in self._soon:  # a task and its deadline would cost 20 us more
            asyncio.get_running_loop().call_soon(_guarded, call, args)
        self._soon.clear()
        started = [asyncio.ensure_future(_bounded(self, job, args)) for job, args in self._deferred]
        self._deferred.clear()
        self._started += tuple(started)
        for task in started:
            self._jobs.add(task)
            task.add_done_callback(self._jobs.discard)

    async def settled(self) -> None:
        """Waits until the deferred jobs have ended or failed. Call it after `aclose`."""
        await asyncio.sleep(0)  # plain functions run in the next turn of the loop
        if self._started:
            await asyncio.wait(self._started)


def session_of(headers: Mapping[str, str], asked: Asked, header: str = "") -> str:
    """Like `Exchange.session`, for any request."""
    names = (header, *CONVERSATION_HEADERS) if header else CONVERSATION_HEADERS
    return next(filter(None, map(headers.get, names)), "") or asked.session


def _nobody() -> None:
    """The default for tasks that no request has started."""


current: ContextVar[Callable[[], Exchange | None]] = ContextVar("current", default=_nobody)
"""A weak reference to the exchange for which this task works, so that the door can tell for whom a request leaves.
Connections and timers keep the context in which they were made, and outlive the request. No plugin reads it."""


async def _bounded(exchange: Exchange, job: Callable[..., Awaitable[None]], args: tuple[Any, ...]) -> None:
    """Has the exchange, so that it is still there if the job sends a request on its behalf."""
    try:
        async with asyncio.timeout(DEFERRED_SECONDS):
            await job(*args)
    except Exception:
        log.exception("a deferred job failed: %s", getattr(job, "__qualname__", job))


def _guarded(call: Callable[..., None], args: tuple[Any, ...]) -> None:
    try:
        call(*args)
    except Exception:
        log.exception("a deferred job failed: %s", getattr(call, "__qualname__", call))

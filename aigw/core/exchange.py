"""One client request and everything that was opened for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Literal

from multidict import CIMultiDict

from aigw.core.dialect import Dialect, Reader
from aigw.core.headers import CONSUMER_HEADER
from aigw.core.model import Chunk, Request, Route
from aigw.core.reply import ChunkSource, Fixed, Reply

log = logging.getLogger("aigw")

DEFERRED_SECONDS = 30.0
"""A deferred job that takes longer is cancelled, so that a dead store cannot pile up work."""

Jobs = set[asyncio.Task[None]]


CacheStatus = Literal["", "hit", "miss", "bypass"]
"""What a cache did with a request, "" if none looked at it."""


class Labels:
    """What is told about an exchange to those who look at it: the usage row, the log, spans. Nothing that decides about
    a request or its answer reads it, and plugins do not speak to each other here.

    `ai_log` is Higress's, for the access log, `span_tags` are Higress's tags of the span, and what is in
    `log_properties` has a field of its own in the access log. `remarks` say by a plugin's name in a few words what
    people should know of it, such as why it refused."""

    __slots__ = ("ai_log", "cache", "log_properties", "remarks", "span_tags")

    def __init__(self) -> None:
        self.cache: CacheStatus = ""
        self.ai_log: dict[str, Any] = {}
        self.span_tags: dict[str, str] = {}
        self.log_properties: dict[str, str] = {}
        self.remarks: dict[str, str] = {}


class Timing:
    """Where the time of one request went, in monotonic seconds; None = it did not come to that.

    `arrived` is when its first byte came out of the socket, `waited` how long the upstreams took to begin an answer
    (all attempts together), `begun` when the first piece of an answer that is passed on piece by piece was written to
    the client, `first` the same if that was an event."""

    __slots__ = ("arrived", "begun", "first", "waited")

    def __init__(self, arrived: float) -> None:
        self.arrived = arrived
        self.waited = 0.0
        self.begun: float | None = None
        self.first: float | None = None


class Exchange:
    """Plugins read and change `request`, and send it on with `call_next`.

    `original` is what the client sent and stays as it was. `api` is the name of the API that its path is ("" if none),
    `dialect` the wire format of it, `asked` the view of the client's request, as plugins have changed it.
    `target` is where the terminal sends the request: the route's own until ai-proxy replaces it; `wire` is the dialect
    in which it is sent there, `provider` the type of the provider in the catalog. `answer` reads what came back, also
    where the client does not see it; None where nobody was asked. `consumer` is who asks: the name that the client
    gives (`x-mse-consumer`) until key-auth knows. `recording` is what `--trace` keeps of it, None without."""

    __slots__ = (
        "_deferred", "_jobs", "_replies", "_started", "answer", "api", "asked", "attempts", "client", "consumer",
        "dialect", "id", "labels", "original", "provider", "recording", "request", "route", "target", "timing", "wire",
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
        self.api = api
        self.dialect = self.wire = dialect
        self.asked = dialect.asked(self.request, api)
        self.answer: Reader | None = None
        self.provider = ""
        self.client = client
        self.timing = Timing(arrived)
        self.consumer = request.headers.get(CONSUMER_HEADER, "")
        self.target = route.target
        self.attempts: list[str] = []
        self.recording: object = None
        self.labels = Labels()
        self._replies: list[Reply] = []
        self._deferred: list[tuple[Callable[..., Awaitable[None]], tuple[Any, ...]]] = []
        self._started: tuple[asyncio.Task[None], ...] = ()
        self._jobs = jobs

    def reply(
        self,
        chunks: bytes | ChunkSource,
        *,
        status: int = 200,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        streaming: bool = False,
    ) -> Reply:
        """Makes a reply that this exchange owns and closes. Bytes make a complete answer, a source a stream."""
        source = Fixed(Chunk(chunks, chunks)) if isinstance(chunks, bytes) else chunks
        reply = Reply(source, status, CIMultiDict(headers), streaming=streaming)
        self._replies.append(reply)
        return reply

    def defer(self, job: Callable[..., Awaitable[None]], *args: Any) -> None:
        """Runs `job(*args)` after the last byte, on its own: it outlives the client, is bounded, and its failure is
        logged."""
        self._deferred.append((job, args))

    async def aclose(self) -> None:
        """Closes the replies, newest first, then starts the deferred jobs. Every reply is closed, whatever one of them
        raises and however often the request is cancelled meanwhile."""
        cancelled: asyncio.CancelledError | None = None
        while self._replies:
            try:
                await self._replies.pop().aclose()
            except asyncio.CancelledError as error:
                cancelled = error
            except Exception:
                log.exception("closing a reply failed")
        if self._deferred:
            self._start_jobs()
        if cancelled is not None:
            raise cancelled

    def _start_jobs(self) -> None:
        started = [asyncio.ensure_future(_bounded(job, args)) for job, args in self._deferred]
        self._deferred.clear()
        self._started += tuple(started)
        for task in started:
            self._jobs.add(task)
            task.add_done_callback(self._jobs.discard)

    async def settled(self) -> None:
        """Waits until the deferred jobs of an exchange that was closed are done, whatever came of them."""
        if self._started:
            await asyncio.wait(self._started)


async def _bounded(job: Callable[..., Awaitable[None]], args: tuple[Any, ...]) -> None:
    try:
        async with asyncio.timeout(DEFERRED_SECONDS):
            await job(*args)
    except Exception:
        log.exception("a deferred job failed: %s", getattr(job, "__qualname__", job))

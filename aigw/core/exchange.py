"""One client request and everything that was opened for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from multidict import CIMultiDict

from aigw.core.headers import CONSUMER_HEADER
from aigw.core.labels import Labels
from aigw.core.model import Chunk, Request, Route
from aigw.core.reply import ChunkSource, Fixed, Reply
from aigw.core.tokens import Tokens

log = logging.getLogger("aigw")

DEFERRED_SECONDS = 30.0
"""A deferred job that takes longer is cancelled, so that a dead store cannot pile up work."""

Jobs = set[asyncio.Task[None]]


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


class Meter(Protocol):
    """Reads usage out of what a provider answers. `aigw.dialects.watch.UsageWatch` is one."""

    @property
    def tokens(self) -> Tokens:
        """What was reported so far."""
        ...

    @property
    def model(self) -> str:
        """What the provider says it used, "" if it did not say."""
        ...

    def feed(self, data: bytes) -> None:
        """Takes the payload of one event or of a whole body."""
        ...


class Exchange:
    """Plugins read and change `request`, and send it on with `call_next`.

    `original` is what the client sent and stays as it was. `target` is where the terminal sends the request: the
    route's own until ai-proxy replaces it. `consumer` is who asks: whom the client names (`x-mse-consumer`)
    until key-auth knows. `meter` holds the usage that the provider reported, also where the client does not see it;
    None where no provider was asked. `recording` is what `--trace` keeps of it, None without."""

    __slots__ = (
        "_deferred", "_jobs", "_labels", "_replies", "attempts", "client", "consumer", "family",
        "id", "meter", "original", "recording", "request", "route", "target", "timing",
    )  # fmt: skip

    def __init__(
        self, *, id: str, request: Request, route: Route, family: str, client: str, arrived: float, jobs: Jobs
    ) -> None:
        self.id = id
        self.original = request
        self.request = request.copy()
        self.route = route
        self.family = family
        self.client = client
        self.timing = Timing(arrived)
        self.meter: Meter | None = None
        self.consumer = request.headers.get(CONSUMER_HEADER, "")
        self.target = route.target
        self.attempts: list[str] = []
        self.recording: object = None
        self._labels: Labels | None = None
        self._replies: list[Reply] = []
        self._deferred: list[tuple[Callable[..., Awaitable[None]], tuple[Any, ...]]] = []
        self._jobs = jobs

    @property
    def labels(self) -> Labels:
        """What is told about it to those who look."""
        if self._labels is None:
            self._labels = Labels()
        return self._labels

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
        for job, args in self._deferred:
            task = asyncio.ensure_future(_bounded(job, args))
            self._jobs.add(task)
            task.add_done_callback(self._jobs.discard)
        self._deferred.clear()
        if cancelled is not None:
            raise cancelled


async def _bounded(job: Callable[..., Awaitable[None]], args: tuple[Any, ...]) -> None:
    try:
        async with asyncio.timeout(DEFERRED_SECONDS):
            await job(*args)
    except Exception:
        log.exception("a deferred job failed: %s", getattr(job, "__qualname__", job))

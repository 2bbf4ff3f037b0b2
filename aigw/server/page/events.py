"""The requests as they pass, as server-sent events.

Rule: readers share one task, which looks every INTERVAL for new requests, and there is none without readers. A reader
who is slow gets the newest MOST_AT_ONCE and how many were left out: nothing waits for him in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import msgspec
from multidict import CIMultiDict

from aigw.core.errors import GatewayError
from aigw.server.http1.request import HttpRequest
from aigw.server.http1.response import StreamedResponse
from aigw.server.page.new_requests import MOST_AT_ONCE, Following, Numbered
from aigw.server.page.requests import Requests
from aigw.server.page.watch import Watch

MOST_READERS = 64
COMMENT_SECONDS = 15.0
_COMMENT = b": still here\n\n"
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


class Events:
    """The events for all readers. It lives as long as the gateway."""

    def __init__(self, requests: Requests, watch: Watch) -> None:
        self._watch = watch
        self._following = Following(requests, watch)
        self._readers: dict[object, HttpRequest] = {}
        self._closed = False

    async def answer(self, http: HttpRequest, after: int | None, headers: Mapping[str, str]) -> StreamedResponse:
        """Writes events until the reader leaves or the gateway stops. Without `after` it begins with what comes
        next."""
        if len(self._readers) >= MOST_READERS or self._closed:
            message = "too many pages are open; close some of them"
            raise GatewayError(503, message, kind="api_error", code="too_many_pages")
        response = StreamedResponse(http, 200, CIMultiDict({**_HEADERS, **headers}))
        async with self._reading(http):
            async for event in self._events(after):
                await response.write(event)
        with suppress(ConnectionError):
            await response.end()
        return response

    async def aclose(self) -> None:
        """Ends all readers at once, also one who has stopped reading."""
        self._closed = True
        self._following.tell()
        for _ in range(10):
            await asyncio.sleep(0)
        for http in self._readers.values():
            http.peer.abort()
        await self._following.stop()

    @asynccontextmanager
    async def _reading(self, http: HttpRequest) -> AsyncIterator[None]:
        key = object()
        self._readers[key] = http
        try:
            with self._watch.reading():
                await self._following.begun()
                yield
        finally:
            del self._readers[key]
            if not self._readers:
                await self._following.stop()

    async def _events(self, after: int | None) -> AsyncIterator[bytes]:
        """Yields what to write. The first event says which requests were the last ones before."""
        anew = self._following.anew
        found = await self._following.since(after)
        seen, told = found.last, set[str]()
        yield _requests(found.last, found.rows, found.left_out)
        while not self._closed:
            changed = self._following.changed
            if anew != self._following.anew:
                anew, seen = self._following.anew, 0
            new = self._following.newer(seen)
            if new.last != seen:
                yield _requests(new.last, new.rows, new.left_out)
                seen = new.last
            started = self._following.started
            for id_, event in started.items():
                if id_ not in told:
                    yield _event("started", event)
            told = set(started)
            if self._closed:
                break
            try:
                async with asyncio.timeout(COMMENT_SECONDS):
                    await changed.wait()
            except TimeoutError:
                yield _COMMENT


def _requests(last: int, rows: list[Numbered], left_out: int) -> bytes:
    newest = rows[-MOST_AT_ONCE:]
    left_out += len(rows) - len(newest)
    data = {"seq": last, "requests": [msgspec.Raw(line) for _, line in newest], "skipped": left_out}
    return _event("requests", msgspec.json.encode(data))


def _event(name: str, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)

"""Usage rows in a Redis stream, where those of many gateways come together.

Rule: as with the file, a caller only puts its row into a bounded queue. One thread, with an event loop of its own,
writes what is there; what cannot be written is tried again until the queue is full, then counted as lost. A row that
was written twice so counts once, by its id."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Iterator

import msgspec

from aigw.stores.base import StoreError
from aigw.stores.redis_client import RedisClient, Word
from aigw.stores.redis_url import parse_redis_url
from aigw.stores.redis_usage_read import SERVICE, STREAM, SharedUsage, UsageStream
from aigw.usage.question import Question
from aigw.usage.row import UsageRow
from aigw.usage.summary import Summary

log = logging.getLogger("aigw")

ROWS = 200_000
"""About so many are kept, which take some 100 MB."""
BATCH = 500
_encode = msgspec.json.Encoder().encode


class RedisUsageLog:
    """A `UsageLog`. `lost` counts the rows that were given up, `failures` the writes that failed;
    the first one is logged."""

    def __init__(self, url: str, *, interval: float = 0.1, limit: int = 20_000, retry: float = 1.0) -> None:
        """Connects to nothing yet. Raises ValueError for what is no address of a Redis."""
        self.lost = 0
        self.failures = 0
        self._url = url
        self._address = parse_redis_url(url)
        self._stream = self._address.prefix + STREAM
        self._interval = interval
        self._limit = limit
        self._retry = retry
        self._queue: deque[UsageRow] = deque()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._client = RedisClient(self._address, SERVICE)

    def append(self, row: UsageRow) -> None:
        if len(self._queue) >= self._limit or self._stop.is_set():
            self.lost += 1
            return
        self._queue.append(row)
        if not self._wake.is_set():
            self._wake.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="usage stream", daemon=True)
                self._thread.start()

    def summarise(self, question: Question) -> Summary:
        """As in `UsageLog`. Not for where an event loop runs."""
        return SharedUsage(self._url).summarise(question)

    def read(self, *, since: float = 0.0, until: float | None = None) -> Iterator[UsageRow]:
        """Rows by time of arrival, oldest first; `since` (inclusive) and `until` (exclusive) in seconds since 1970.
        Raises StoreError. Not for where an event loop runs."""
        rows = {row.id: row for row in UsageStream(self._address).take(since)}
        for row in sorted(rows.values(), key=lambda row: row.at):
            if row.at >= since and (until is None or row.at < until):
                yield row

    def close(self) -> None:
        """Writes what is left; a Redis that is down gets one more attempt."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._queue:
            log.warning("%d usage rows could not be written to %s", len(self._queue), self._address.name)
            self.lost += len(self._queue)
            self._queue.clear()

    def _run(self) -> None:
        with asyncio.Runner() as loop:
            while not self._stop.is_set():
                self._wake.wait()
                self._stop.wait(self._interval)
                self._wake.clear()
                if not loop.run(self._write()):
                    loop.run(asyncio.sleep(self._retry))  # the client finds out meanwhile whether it can be used again
                    self._wake.set()
            loop.run(self._write())
            loop.run(self._client.aclose())

    async def _write(self) -> bool:
        """Writes all that waits. False if that is not possible now."""
        try:
            while self._queue:
                rows = [self._queue[n] for n in range(min(len(self._queue), BATCH))]
                await asyncio.gather(*(self._client.call(*entry) for row in rows if (entry := self._entry(row))))
                for _ in rows:
                    self._queue.popleft()
        except StoreError as error:
            self.failures += 1
            if self.failures == 1:
                log.warning("usage waits until it can be written: %s", error)
            return False
        return True

    def _entry(self, row: UsageRow) -> tuple[Word, ...]:
        """Empty for a row that is no text, such as half of a surrogate pair."""
        try:
            return ("XADD", self._stream, "MAXLEN", "~", ROWS, "*", "row", _encode(row))
        except UnicodeEncodeError:
            self.lost += 1
            return ()

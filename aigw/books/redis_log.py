"""The usage log in a Redis stream, to which many gateways write.

Rule: after a failure a row may be written a second time. It counts once, by its id."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import msgspec

from aigw.books.redis_log_read import SERVICE, STREAM, SharedUsage, UsageStream
from aigw.books.summary import Summary
from aigw.books.usage_question import Question
from aigw.books.usage_row import UsageRow
from aigw.books.write_queue import WriteQueue
from aigw.stores.redis.client import RedisClient, Word
from aigw.stores.redis.url import parse_redis_url

ROWS = 200_000
"""About how many rows the stream keeps. They take some 100 MB."""
BATCH = 500
_encode = msgspec.json.Encoder().encode


class RedisUsageLog(WriteQueue[UsageRow]):
    """A `UsageLog`. Its thread has an event loop of its own."""

    def __init__(self, url: str, *, interval: float, limit: int = 20_000, retry: float = 1.0) -> None:
        """Does not connect yet. Raises ValueError if the URL is not one of a Redis."""
        self._url = url
        self._address = parse_redis_url(url)
        super().__init__(self._address.name, interval=interval, limit=limit, retry=retry, batch=BATCH)
        self._stream = self._address.prefix + STREAM
        self._loop = asyncio.Runner()  # it opens nothing before its first run
        self._client = RedisClient(self._address, SERVICE)

    def draft(self, row: UsageRow) -> None:
        """Does nothing: rows that were written stay as they are."""

    def summarise(self, question: Question) -> Summary:
        """Sums up, as `UsageLog` says. Must not run inside an event loop."""
        return SharedUsage(self._url).summarise(question)

    def read(self, *, since: float = 0.0, until: float | None = None) -> Iterator[UsageRow]:
        """Rows by time of arrival, oldest first; `since` (inclusive) and `until` (exclusive) in seconds since 1970.
        Raises StoreError. Must not run inside an event loop."""
        rows = {row.id: row for row in UsageStream(self._address).take(since)}
        for row in sorted(rows.values(), key=lambda row: row.at):
            if row.at >= since and (until is None or row.at < until):
                yield row

    def _write(self, rows: Sequence[UsageRow]) -> int:
        self._loop.run(self._send(rows))
        return len(rows)

    async def _send(self, rows: Sequence[UsageRow]) -> None:
        entries = [entry for row in rows if (entry := self._entry(row))]
        await asyncio.gather(*(self._client.call(*entry) for entry in entries))
        self.lost += len(rows) - len(entries)

    def _idle(self) -> None:
        """Does nothing: Redis itself drops the oldest rows."""

    def _pause(self) -> None:
        self._loop.run(asyncio.sleep(self._retry))  # meanwhile the client probes whether Redis is back

    def _end(self) -> None:
        self._loop.run(self._client.aclose())
        self._loop.close()

    def _entry(self, row: UsageRow) -> tuple[Word, ...]:
        """The command that adds a row. It is empty if the row cannot be text, such as half a surrogate pair."""
        try:
            return ("XADD", self._stream, "MAXLEN", "~", ROWS, "*", "row", _encode(row))
        except UnicodeEncodeError:
            return ()

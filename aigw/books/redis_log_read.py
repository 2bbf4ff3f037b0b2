"""Reads the usage rows of many gateways from their Redis stream, and sums them up.

An entry has a field `row`: the row in JSON. An entry that this version cannot read is skipped. A row that was written
twice counts once, by its id. Every call runs its own event loop, so it must not run inside another one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import finalize

import msgspec

from aigw.books.summary import Summary
from aigw.books.usage_file import COLUMNS, FORMAT
from aigw.books.usage_query import summarise_in, values_of
from aigw.books.usage_question import Question
from aigw.books.usage_row import UsageRow
from aigw.core.stores import Service
from aigw.stores.redis.client import RedisClient
from aigw.stores.redis.url import RedisAddress, parse_redis_url

if TYPE_CHECKING:
    import sqlite3

STREAM = "aigw:usage:1"
"""The key of the stream, behind the prefix of the URL. The number is that of the format."""
SERVICE = Service(timeout=1.0)
PAGE = 1000
SKEW_SECONDS = 60.0
"""How far the clocks of a gateway and of Redis may differ. Entries are found by the time of Redis."""
_INSERT = f"INSERT OR IGNORE INTO requests ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608

_decode = msgspec.json.Decoder(UsageRow).decode


class UsageStream:
    """Reads the rows in the order in which they were written, each once."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._last = ""
        """The id of the last entry that was read."""

    def take(self, since: float = 0.0) -> Iterator[UsageRow]:
        """The rows that are new since the last call. The first call gives those that may have arrived at `since` or
        later (seconds since 1970). Raises StoreError."""
        start = f"({self._last}" if self._last else str(max(0, round((since - SKEW_SECONDS) * 1000)))
        for id_, fields in asyncio.run(self._read(start)):
            self._last = id_.decode()
            with suppress(msgspec.DecodeError):
                yield _decode(fields.get(b"row", b""))

    async def _read(self, start: str) -> list[Any]:
        client, found = RedisClient(self._address, SERVICE), list[Any]()
        try:
            while page := await client.call("XRANGE", self._address.prefix + STREAM, start, "+", "COUNT", PAGE):
                found += page
                start = f"({page[-1][0].decode()}"
        finally:
            await client.aclose()
        return found


class SharedUsage:
    """Sums up the rows of a stream with an SQLite database in memory, as the rows of a state folder are summed up."""

    def __init__(self, url: str) -> None:
        """Does not connect yet. Raises ValueError if the URL is not one of a Redis."""
        self._address = parse_redis_url(url)
        self.name = self._address.name
        self._stream = UsageStream(self._address)
        self._rows: sqlite3.Connection | None = None
        self._close: Callable[[], object] = bool
        """Closes the database, at the latest when nobody has this object any more."""
        self._since = 0.0

    def summarise(self, question: Question) -> Summary:
        """Reads only new rows if it can. Must be called in one thread at a time. Raises StoreError."""
        if self._rows is None or question.since < self._since:
            self._close()
            self._stream, self._rows, self._since = UsageStream(self._address), _open(), question.since
            self._close = finalize(self, self._rows.close)
        rows = list(self._stream.take(question.since))
        self._rows.execute("BEGIN")
        for row in rows:
            with suppress(OverflowError):
                self._rows.execute(_INSERT, values_of(row))
        self._rows.execute("COMMIT")
        return summarise_in(self._rows, question)


def _open() -> sqlite3.Connection:
    import sqlite3

    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    for statement in (*FORMAT.schema, "CREATE UNIQUE INDEX requests_id ON requests (id)"):
        connection.execute(statement)
    return connection

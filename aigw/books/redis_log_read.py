"""Reading the usage rows of many gateways from their Redis stream, and summing them up.

An entry has a field `row` with the row in JSON. One that this version cannot read is passed over, and one that was
written twice counts once, by its id. Not for where an event loop runs: every reading has its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from aigw.books.question import Question
from aigw.books.summary import Summary
from aigw.books.usage_file import COLUMNS, FORMAT
from aigw.books.usage_query import summarise_in, values_of
from aigw.books.usage_row import UsageRow
from aigw.core.stores import Service
from aigw.stores.redis.client import RedisClient
from aigw.stores.redis.url import RedisAddress, parse_redis_url

if TYPE_CHECKING:
    import sqlite3

STREAM = "aigw:usage:1"
"""Behind the prefix of the URL; the number is that of the format."""
SERVICE = Service(timeout=1.0)
PAGE = 1000
SKEW_SECONDS = 60.0
"""How far the clocks of a gateway and the Redis may differ: entries are found by the time of the Redis."""
_INSERT = f"INSERT OR IGNORE INTO requests ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608

_decode = msgspec.json.Decoder(UsageRow).decode


class UsageStream:
    """Gives the rows in the order in which they were written, each once."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._last = ""
        """The id of the last entry that was read."""

    def take(self, since: float = 0.0) -> Iterator[UsageRow]:
        """Those that are new since the last time; at the first time, those that may have arrived at `since` or later
        (seconds since 1970). Raises StoreError."""
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
    """Sums up as for a state folder: with SQLite, here in memory."""

    def __init__(self, url: str) -> None:
        """Connects to nothing yet. Raises ValueError for what is no address of a Redis."""
        self._address = parse_redis_url(url)
        self.name = self._address.name
        self._stream = UsageStream(self._address)
        self._rows: sqlite3.Connection | None = None
        self._since = 0.0

    def summarise(self, question: Question) -> Summary:
        """Reads only what is new, where it can. For one thread at a time. Raises StoreError."""
        if self._rows is None or question.since < self._since:
            self._stream, self._rows, self._since = UsageStream(self._address), _open(), question.since
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

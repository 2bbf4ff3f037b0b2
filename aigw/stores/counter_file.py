"""The file of the counters: its schema, and one decision at a time on it, without ever blocking the event loop for
long.

Rule: a decision runs on the event loop, because it takes microseconds; where another process is deciding, it waits its
turn with `sleep`, and after `patience` seconds it is a StoreError."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aigw.stores.base import StoreError
from aigw.stores.opening import Opening
from aigw.stores.sqlite_file import Format, is_busy, open_for_writing

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")

FILE_NAME = "counters.sqlite"
"""Below the state folder."""
FORMAT = Format(
    "counter file",
    application=0x61696763,  # "aigc"
    version=1,
    schema=(
        "CREATE TABLE counters (key BLOB PRIMARY KEY, used INTEGER NOT NULL, ends REAL) WITHOUT ROWID",
        "CREATE TABLE holds (key BLOB, ticket TEXT, amount INTEGER NOT NULL, frees REAL NOT NULL,"
        " PRIMARY KEY (key, ticket)) WITHOUT ROWID",
    ),
    pragmas=("page_size = 1024",),  # every change writes whole pages
)
OPEN_SECONDS = 1.0
TURN_SECONDS = 0.0005
"""Another process's decision takes a tenth of it."""
PRUNE_SECONDS = 3600.0
"""What expired so long ago and was not looked at since is deleted, as often."""
_PRUNE = (
    "DELETE FROM counters WHERE key IN (SELECT key FROM counters WHERE ends < :before LIMIT 1000)",
    "DELETE FROM holds WHERE (key, ticket) IN (SELECT key, ticket FROM holds WHERE frees < :before LIMIT 1000)",
)


class CounterFile:
    """`now` gives seconds since 1970."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self._opening = Opening(path, self._open, self._close)
        self._pruning: asyncio.Task[None] | None = None
        self._prune_at = 0.0

    async def read(self, ask: Callable[[sqlite3.Connection], T], patience: float) -> T:
        """One state of the file. Raises StoreError."""
        return await self._run("BEGIN", ask, patience)

    async def decide(self, decision: Callable[[sqlite3.Connection], T], patience: float) -> T:
        """Nobody else changes the file meanwhile; what `decision` changed is kept, unless it raises. Raises
        StoreError."""
        return await self._run("BEGIN IMMEDIATE", decision, patience)

    async def aclose(self) -> None:
        if self._pruning is not None:
            await asyncio.wait([self._pruning])
        await self._opening.aclose()

    async def _run(self, begin: str, act: Callable[[sqlite3.Connection], T], patience: float) -> T:
        import sqlite3

        end = 0.0
        while True:
            connection = self._opening.ready() or await self._look()
            try:
                return _transact(connection, begin, act)
            except OverflowError:
                raise StoreError(f"{self._opening.path}: an amount does not fit into 64 bits") from None
            except sqlite3.Error as error:
                if not is_busy(error):
                    await self._opening.reopen(connection)
                    raise StoreError(f"{self._opening.path} cannot be used: {error}") from None
            end = end or time.monotonic() + patience
            if time.monotonic() > end:
                raise StoreError(f"{self._opening.path} is busy: another process has been writing for {patience:g} s")
            await asyncio.sleep(TURN_SECONDS)

    async def _look(self) -> sqlite3.Connection:
        """About once a second."""
        connection = await self._opening.get()
        if time.monotonic() > self._prune_at:
            self._prune_at = time.monotonic() + PRUNE_SECONDS
            self._pruning = asyncio.create_task(asyncio.to_thread(_prune, self._opening.path, self.now()))
        return connection

    async def _open(self) -> sqlite3.Connection:
        import sqlite3

        try:
            connection = await asyncio.to_thread(open_for_writing, self._opening.path, FORMAT, busy=OPEN_SECONDS)
            connection.execute("PRAGMA busy_timeout = 0")
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{self._opening.path} cannot be opened: {error}") from None
        return connection

    async def _close(self, connection: sqlite3.Connection) -> None:
        connection.close()


def _transact(connection: sqlite3.Connection, begin: str, act: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute(begin)
    try:
        result = act(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself may have rolled back
            connection.execute("ROLLBACK")
        raise
    return result


def _prune(path: Path, now: float) -> None:
    """Takes a short turn for every thousand."""
    import sqlite3

    try:
        with contextlib.closing(open_for_writing(path, FORMAT)) as connection:
            for statement in _PRUNE:
                while connection.execute(statement, {"before": now - PRUNE_SECONDS}).rowcount:
                    pass
    except (sqlite3.Error, OSError, StoreError):
        pass  # there is a next time

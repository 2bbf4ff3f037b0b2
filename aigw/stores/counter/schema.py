"""The schema of the file of the counters: how it is opened, and how old states are deleted."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aigw.core.stores import StoreError
from aigw.stores.counter.state import look
from aigw.stores.counter.ticket import charge_abandoned
from aigw.stores.sqlite_file import Format, open_for_writing, reason_of

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")

FILE_NAME = "counters.sqlite"
"""The file below the state folder."""
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
PRUNE_SECONDS = 3600.0
"""How often old states are deleted, and how long they must have been expired by then."""
_PRUNE = (
    "DELETE FROM counters WHERE key IN (SELECT key FROM counters WHERE ends < :before LIMIT 1000)",
    "DELETE FROM holds WHERE (key, ticket) IN (SELECT key, ticket FROM holds WHERE frees < :before AND NOT amount"
    " LIMIT 1000)",
)
_LAPSED = "SELECT DISTINCT key FROM holds WHERE frees < ? AND amount LIMIT 1000"


def open_counters(path: Path, now: Callable[[], float] = time.time) -> sqlite3.Connection:
    """Opens a connection that does not wait for locks, and charges what killed processes held. Raises StoreError."""
    import sqlite3

    try:
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(contextlib.closing(open_for_writing(path, FORMAT, busy=OPEN_SECONDS)))
            with contextlib.suppress(sqlite3.OperationalError):  # busy: the leases will end by themselves
                transact(connection, "BEGIN IMMEDIATE", lambda held: charge_abandoned(held, now()))
            connection.execute("PRAGMA busy_timeout = 0")
            stack.pop_all()
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path} cannot be opened: {reason_of(error)}") from None
    return connection


def transact(connection: sqlite3.Connection, begin: str, act: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute(begin)
    try:
        result = act(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself may have rolled back
            connection.execute("ROLLBACK")
        raise
    return result


def prune(path: Path, now: float) -> None:
    """Deletes a thousand at a time, so that others need not wait long."""
    import sqlite3

    try:
        with contextlib.closing(open_for_writing(path, FORMAT)) as connection:
            while keys := [key for (key,) in connection.execute(_LAPSED, (now - PRUNE_SECONDS,))]:
                for key in keys:  # looking at them charges them
                    transact(connection, "BEGIN IMMEDIATE", partial(look, key=key, now=now))
            for statement in _PRUNE:
                while connection.execute(statement, {"before": now - PRUNE_SECONDS}).rowcount:
                    pass
    except (sqlite3.Error, OSError, StoreError):
        pass  # the next run will delete them

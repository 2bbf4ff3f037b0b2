"""The schema of the file of the counters: how it is opened, and how old states are deleted."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from aigw.core.stores import StoreError
from aigw.stores.counter.ticket import free_abandoned
from aigw.stores.sqlite_file import Format, open_for_writing

if TYPE_CHECKING:
    import sqlite3

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
    "DELETE FROM holds WHERE (key, ticket) IN (SELECT key, ticket FROM holds WHERE frees < :before LIMIT 1000)",
)


def open_counters(path: Path) -> sqlite3.Connection:
    """Opens a connection that does not wait for locks, and releases what killed processes held. Raises StoreError."""
    import sqlite3

    try:
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(contextlib.closing(open_for_writing(path, FORMAT, busy=OPEN_SECONDS)))
            with contextlib.suppress(sqlite3.OperationalError):  # busy: the leases will end by themselves
                free_abandoned(connection)
            connection.execute("PRAGMA busy_timeout = 0")
            stack.pop_all()
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path} cannot be opened: {error}") from None
    return connection


def prune(path: Path, now: float) -> None:
    """Deletes a thousand at a time, so that others need not wait long."""
    import sqlite3

    try:
        with contextlib.closing(open_for_writing(path, FORMAT)) as connection:
            for statement in _PRUNE:
                while connection.execute(statement, {"before": now - PRUNE_SECONDS}).rowcount:
                    pass
    except (sqlite3.Error, OSError, StoreError):
        pass  # the next run will delete them

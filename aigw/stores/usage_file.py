"""The file of the usage rows: its schema and how it is opened. sqlite3 is loaded with the first opening.

Rule: a file that this version does not know is refused and never written to. `application_id` says that it is ours,
`user_version` which schema it has; a new column or meaning is a new version."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    import sqlite3

FILE_NAME = "usage.sqlite"
"""Below the state folder."""
APPLICATION = 0x61696777  # "aigw"
VERSION = 1
BUSY_SECONDS = 5.0
"""How long one process waits for another's write."""
_REMEDY = "move it away, or choose another folder with state_dir in aigw.yaml"

COLUMNS = {
    "id": "TEXT", "at": "REAL", "route": "TEXT", "service": "TEXT", "provider": "TEXT", "api": "TEXT",
    "asked": "TEXT", "model": "TEXT", "consumer": "TEXT", "stream": "INTEGER", "status": "INTEGER",
    "outcome": "TEXT", "error": "TEXT",
    "input": "INTEGER", "cache_read": "INTEGER", "cache_write": "INTEGER", "output": "INTEGER",
    "reasoning": "INTEGER", "source": "TEXT",
    "cost": "REAL", "attempts": "INTEGER", "cache": "TEXT", "gateway_ms": "REAL", "wait_ms": "REAL",
    "first_token_ms": "REAL", "total_ms": "REAL",
}  # fmt: skip
"""As `usage.row.UsageRow`, with its tokens in place of the field `tokens`."""

_NULLABLE = ("cost", "first_token_ms")
_TOKENS = ("input", "cache_read", "cache_write", "output", "reasoning")
_MOST_TOKENS = 10**12
"""What no request can have used: a provider that reports more must not make the sums overflow."""


def _definition(name: str) -> str:
    if name in _TOKENS:
        return f"{name} INTEGER CHECK ({name} BETWEEN 0 AND {_MOST_TOKENS})"
    return f"{name} {COLUMNS[name]}" + ("" if name in _NULLABLE else " NOT NULL")


_SCHEMA = (
    f"CREATE TABLE requests ({', '.join(map(_definition, COLUMNS))})",
    "CREATE INDEX requests_at ON requests (at)",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)

_MARKS = """SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)
    FROM pragma_application_id, pragma_user_version"""
"""One statement, because between two of them another process may make the tables."""


class UsageFileError(Exception):
    """The file cannot be used now. The message names it and the reason."""


class ForeignFileError(UsageFileError):
    """The file is not ours, damaged, or of a newer aigw. The message names the remedy."""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Creates folder (0700) and file (0600) where they are missing. Raises UsageFileError, OSError, sqlite3.Error."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = _connect(path)
    try:
        is_new(connection, path)  # refuses before anything is changed
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN IMMEDIATE")
        if is_new(connection, path):
            for statement in _SCHEMA:
                connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection | None:
    """None if there is nothing yet. Raises UsageFileError."""
    import sqlite3

    try:
        if not path.exists():
            return None
        connection = _connect(path)
    except (OSError, sqlite3.Error) as error:
        raise UsageFileError(f"{path} cannot be opened: {error}") from None
    try:
        connection.execute("PRAGMA query_only = 1")
        if is_new(connection, path):
            connection.close()
            return None
    except BaseException:
        connection.close()
        raise
    return connection


def is_new(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file is still empty. Raises UsageFileError for one that is not ours, newer or damaged."""
    import sqlite3

    try:
        application, version, tables = connection.execute(_MARKS).fetchone()
    except sqlite3.OperationalError as error:
        raise UsageFileError(f"{path} cannot be read: {error}") from None
    except sqlite3.DatabaseError as error:
        raise ForeignFileError(f"{path} is no usage file ({error}); {_REMEDY}") from None
    if (application, version, tables) == (0, 0, 0):
        return True
    if application != APPLICATION:
        raise ForeignFileError(f"{path} belongs to another program; {_REMEDY}")
    if version > VERSION:
        raise ForeignFileError(
            f"{path} was written by a newer aigw (format {version}, this one knows {VERSION}); "
            f"upgrade aigw, or {_REMEDY}"
        )
    return False


def _connect(path: Path) -> sqlite3.Connection:
    import sqlite3

    address = f"file:{quote(os.fspath(path.absolute()))}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Processes that start together collide here, and SQLite does not wait for this one lock by itself."""
    import sqlite3

    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)

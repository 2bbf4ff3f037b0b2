"""How aigw's SQLite files are opened, whatever is in them. sqlite3 is loaded with the first opening.

Rule: a file that this version does not know is refused and never written to. `application_id` says that it is ours,
`user_version` which schema it has; a new column or meaning is a new version."""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from aigw.stores.base import StoreError
from aigw.stores.private import make_folder

if TYPE_CHECKING:
    import sqlite3

BUSY_SECONDS = 5.0
"""How long one process waits for another's write."""
_REMEDY = "move it away, or choose another folder with state_dir in aigw.yaml"
_MARKS = """SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)
    FROM pragma_application_id, pragma_user_version"""
"""One statement, because between two of them another process may make the tables."""


class Format(NamedTuple):
    """What a file holds. `noun` names it in messages; `schema` makes it from an empty one; `page` is in bytes."""

    noun: str
    application: int
    version: int
    schema: tuple[str, ...]
    page: int = 4096


class FileError(StoreError):
    """The file cannot be used now. The message names it and the reason."""


class ForeignFileError(FileError):
    """The file is not ours, damaged, or of a newer aigw. The message names the remedy."""


def open_for_writing(path: Path, format_: Format, *, busy: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Creates folder (0700) and file (0600) where they are missing. The connection may be used in any one thread.

    Raises FileError, OSError, sqlite3.Error."""
    _touch(path)
    connection = _connect(path, busy)
    try:
        is_new(connection, path, format_)  # refuses before anything is changed
        connection.execute(f"PRAGMA page_size = {format_.page}")
        _use_wal(connection, busy)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN IMMEDIATE")
        if is_new(connection, path, format_):
            for statement in format_.schema:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {format_.application}")
            connection.execute(f"PRAGMA user_version = {format_.version}")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path, format_: Format) -> sqlite3.Connection | None:
    """None if there is nothing yet. Raises FileError."""
    import sqlite3

    try:
        if not path.exists():
            return None
        connection = _connect(path, BUSY_SECONDS)
    except (OSError, sqlite3.Error) as error:
        raise FileError(f"{path} cannot be opened: {error}") from None
    try:
        connection.execute("PRAGMA query_only = 1")
        if is_new(connection, path, format_):
            connection.close()
            return None
    except BaseException:
        connection.close()
        raise
    return connection


def is_new(connection: sqlite3.Connection, path: Path, format_: Format) -> bool:
    """Whether the file is still empty. Raises FileError for one that is not ours, newer or damaged."""
    import sqlite3

    try:
        application, version, tables = connection.execute(_MARKS).fetchone()
    except sqlite3.OperationalError as error:
        raise FileError(f"{path} cannot be read: {error}") from None
    except sqlite3.DatabaseError as error:
        raise ForeignFileError(f"{path} is no {format_.noun} ({error}); {_REMEDY}") from None
    if (application, version, tables) == (0, 0, 0):
        return True
    if application != format_.application:
        raise ForeignFileError(f"{path} belongs to another program; {_REMEDY}")
    if version > format_.version:
        raise ForeignFileError(
            f"{path} was written by a newer aigw (format {version}, this one knows {format_.version}); "
            f"upgrade aigw, or {_REMEDY}"
        )
    return False


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process was writing, so that it may work a moment later."""
    import sqlite3

    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _touch(path: Path) -> None:
    """A prepared folder may hold a link to some other file, or a pipe that never answers."""
    make_folder(path.parent)
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        file = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ForeignFileError(f"{path} is a symbolic link; {_REMEDY}") from None
        raise
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ForeignFileError(f"{path} is no file; {_REMEDY}")
    finally:
        os.close(file)


def _connect(path: Path, busy: float) -> sqlite3.Connection:
    import sqlite3

    address = f"file:{quote(os.fspath(path.absolute()))}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=busy, isolation_level=None, check_same_thread=False)


def _use_wal(connection: sqlite3.Connection, busy: float) -> None:
    """Processes that start together collide here, and SQLite does not wait for this one lock by itself."""
    import sqlite3

    end = time.monotonic() + busy
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)

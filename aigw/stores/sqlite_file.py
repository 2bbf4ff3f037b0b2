"""How aigw's SQLite files are opened, whatever is in them. sqlite3 is loaded with the first opening.

Rule: a file that this version does not know is refused and never written to. `application_id` says that it is ours,
`user_version` which schema it has; a new column or meaning is a new version."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from aigw.core.stores import StoreError
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
    """What a file holds. `noun` names it in messages; `schema` makes it from an empty one, for which `pragmas` are set
    before anything else."""

    noun: str
    application: int
    version: int
    schema: tuple[str, ...]
    pragmas: tuple[str, ...] = ()


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
        for pragma in format_.pragmas:
            connection.execute(f"PRAGMA {pragma}")
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
        connection = _connect_to_read(path)
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
        raise unreadable(path, error) from None
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
    if version < format_.version or (format_.schema and not made_of(connection, format_.schema)):
        raise ForeignFileError(f"{path} holds what aigw never put there; {_REMEDY}")
    return False


def made_of(connection: sqlite3.Connection, schema: Collection[str]) -> bool:
    """Whether there is nothing but this: views and triggers are code, which would run."""
    found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
    return all(statement in schema for (statement,) in found)


def unreadable(path: Path, error: sqlite3.Error) -> FileError:
    """What to tell of a file of ours that could not be read: only what is no passing trouble has a remedy."""
    import sqlite3

    if isinstance(error, sqlite3.OperationalError):
        return FileError(f"{path} cannot be read: {error}")
    return ForeignFileError(f"{path} is damaged ({error}); {_REMEDY}")


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process was writing, so that it may work a moment later."""
    import sqlite3

    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _touch(path: Path) -> None:
    """A prepared folder may hold a link to some other file, or a pipe that never answers.

    A file that is there is not opened here: closing it would give up the locks of all of this process's connections to
    it (POSIX), and then the next process to leave the file takes the log away from under them."""
    make_folder(path.parent)
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):  # another process was faster
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise ForeignFileError(f"{path} is a symbolic link; {_REMEDY}")
    if not stat.S_ISREG(mode):
        raise ForeignFileError(f"{path} is no file; {_REMEDY}")


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """On a disk that can only be read SQLite cannot make its files beside this one: then it is read as it is there,
    without what is still in its log."""
    import sqlite3

    connection = _connect(path, BUSY_SECONDS)
    try:
        connection.execute(_MARKS).fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            connection.close()
            return _connect(path, BUSY_SECONDS, "immutable=1")
    except sqlite3.DatabaseError:
        pass  # whoever asks next says what is wrong
    return connection


def _connect(path: Path, busy: float, how: str = "mode=rw") -> sqlite3.Connection:
    import sqlite3

    address = f"file:{quote(os.fspath(path.absolute()))}?{how}"
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

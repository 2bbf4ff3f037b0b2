"""Opens the SQLite files of aigw, whatever they hold. The first opening loads sqlite3.

Rule: a file that this version does not know is refused, and nothing is written to it. `application_id` says that the
file is ours, `user_version` which schema it has. A new column, or a new meaning of one, is a new version. Who writes to
a file of an earlier version brings it up to this one first; who only reads leaves it as it is."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from aigw.core.stores import StoreError
from aigw.stores.private import REMEDY, StrangeFileError, make_folder, refuse_strange_file

if TYPE_CHECKING:
    import sqlite3

BUSY_SECONDS = 5.0
"""How long a process waits while another one writes."""
BESIDE = ("", "-wal", "-shm", "-journal")
"""The suffixes of the files that belong to an SQLite file: "" for the file itself."""
_MARKS = """SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)
    FROM pragma_application_id, pragma_user_version"""
"""One statement, because between two statements another process may make the tables."""


class Format(NamedTuple):
    """A kind of file. Messages call it `noun`, and tell what to do with a damaged one by `remedy`. In an empty file
    `pragmas` are set first, and then `schema` makes the tables. SQLite makes the tables `implied` for those. `upgrade`
    makes a file of this format out of one of the format `previous`."""

    noun: str
    application: int
    version: int
    schema: tuple[str, ...]
    pragmas: tuple[str, ...] = ()
    implied: tuple[str, ...] = ()
    remedy: str = REMEDY
    previous: Format | None = None
    upgrade: tuple[str, ...] = ()


class FileError(StoreError):
    """The file cannot be used now. The message names the file and the reason."""


class ForeignFileError(FileError):
    """The file is not ours, damaged, or of a newer aigw. The message names the remedy."""


class NewerFileError(ForeignFileError):
    """The file is of a newer aigw."""


def open_for_writing(path: Path, format_: Format, *, busy: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Makes the folder (0700) and the file (0600) if they are missing. The connection may be used in any one thread.

    Raises FileError, OSError, sqlite3.Error."""
    _touch(path)
    connection = _connect(path, busy)
    try:
        version_of(connection, path, format_)  # refuses a file before anything is changed
        for pragma in format_.pragmas:
            connection.execute(f"PRAGMA {pragma}")
        _use_wal(connection, busy)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _making(format_, version_of(connection, path, format_)):
            connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def reason_of(error: Exception) -> str:
    """Returns why a file cannot be opened, without its name, which stands before it."""
    return getattr(error, "strerror", None) or str(error)


def open_for_reading(path: Path, format_: Format) -> sqlite3.Connection | None:
    """Returns None if there is no file yet. The file may be of an earlier version. Raises FileError."""
    import sqlite3

    try:
        refuse_strange(path)
        if not path.exists():
            return None
        connection = _connect_to_read(path)
    except (OSError, sqlite3.Error) as error:
        raise FileError(f"{path} cannot be opened: {reason_of(error)}") from None
    try:
        connection.execute("PRAGMA query_only = 1")
        if not version_of(connection, path, format_):
            connection.close()
            return None
    except BaseException:
        connection.close()
        raise
    return connection


def version_of(connection: sqlite3.Connection, path: Path, format_: Format) -> int:
    """The version of the file, 0 if it is still empty. Raises FileError if it is not ours, newer, or damaged."""
    if connection.in_transaction:
        return _version_of(connection, path, format_)
    connection.execute("BEGIN")  # another process may bring the file up to its version between two looks
    try:
        return _version_of(connection, path, format_)
    finally:
        connection.execute("ROLLBACK")


def _version_of(connection: sqlite3.Connection, path: Path, format_: Format) -> int:
    import sqlite3

    try:
        application, version, tables = connection.execute(_MARKS).fetchone()
    except sqlite3.OperationalError as error:
        raise unreadable(path, error) from None
    except sqlite3.DatabaseError as error:
        raise ForeignFileError(f"{path} is no {format_.noun} ({error}); {format_.remedy}") from None
    if (application, version, tables) == (0, 0, 0):
        return 0
    if application != format_.application:
        raise ForeignFileError(f"{path} belongs to another program; {REMEDY}")
    if version > format_.version:
        raise NewerFileError(
            f"{path} was written by a newer aigw (format {version}, this one knows {format_.version}); "
            f"upgrade aigw, or {REMEDY}"
        )
    known: Format | None = format_
    while known is not None and known.version > version:
        known = known.previous
    if known is None or (known.schema and not made_of(connection, known.schema, known.implied)):
        raise ForeignFileError(f"{path} holds what aigw never put there; {format_.remedy}")
    return known.version


def _making(format_: Format, version: int) -> Iterator[str]:
    """The statements that make a file of this format out of one of `version`, which is 0 if it is empty."""
    if version == format_.version:
        return
    if version and format_.previous:
        yield from _making(format_.previous, version)
        yield from format_.upgrade
    else:
        yield from format_.schema
        yield f"PRAGMA application_id = {format_.application}"
    yield f"PRAGMA user_version = {format_.version}"


def made_of(connection: sqlite3.Connection, schema: Collection[str], implied: Collection[str] = ()) -> bool:
    """True if the file has this schema, the tables `implied`, and nothing else: views and triggers are code that would
    run."""
    found = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return all(sql in schema or (kind == "table" and name in implied) for kind, name, sql in found)


def unreadable(path: Path, error: sqlite3.Error) -> FileError:
    """The error for a file of ours that could not be read. It names a remedy unless the trouble will pass."""
    import sqlite3

    if isinstance(error, sqlite3.OperationalError):
        return FileError(f"{path} cannot be read: {error}")
    return ForeignFileError(f"{path} is damaged ({error}); {REMEDY}")


def is_busy(error: sqlite3.Error) -> bool:
    """True if another process was writing, so that a second try may succeed."""
    import sqlite3

    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _touch(path: Path) -> None:
    """Makes the file if it is missing.

    It does not open a file that exists: on POSIX, closing it would release the locks of all connections of this process
    to that file. The next process to leave the file would then delete the log that these connections use."""
    try:
        make_folder(path.parent)
    except StrangeFileError as error:
        raise ForeignFileError(str(error)) from None
    refuse_strange(path)
    if not path.exists():
        with contextlib.suppress(FileExistsError):  # another process was faster
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def refuse_strange(path: Path) -> None:
    """Refuses a link, a pipe and the like in the place of the file or of one beside it. Raises ForeignFileError."""
    try:
        for end in BESIDE:
            refuse_strange_file(path.with_name(path.name + end))
    except StrangeFileError as error:
        raise ForeignFileError(str(error)) from None


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """Connects to read. On a read-only disk SQLite cannot make its files beside this one; then the file is read as it
    is, without the changes that are still in its log."""
    import sqlite3

    connection = _connect(path, BUSY_SECONDS)
    try:
        connection.execute(_MARKS).fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            connection.close()
            return _connect(path, BUSY_SECONDS, "immutable=1")
    except sqlite3.DatabaseError:
        pass  # the next statement raises what is wrong
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path, busy: float, how: str = "mode=rw") -> sqlite3.Connection:
    import sqlite3

    address = f"file:{quote(os.fspath(path.absolute()))}?{how}"
    return sqlite3.connect(address, uri=True, timeout=busy, isolation_level=None, check_same_thread=False)


def _use_wal(connection: sqlite3.Connection, busy: float) -> None:
    """Switches the file to WAL. Processes that start together collide here, and SQLite does not wait for this lock."""
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

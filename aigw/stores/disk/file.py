"""diskcache as aigw uses it: keys and values are bytes. It is loaded only when a cache is opened.

Rule: somebody else may have prepared a cache folder. So nothing in it is unpickled (diskcache does that:
CVE-2025-69872), no path in it is followed, and no setting in it is used. All values are in one SQLite file, so that a
process that is killed leaves a value whole or not at all."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

from diskcache import Cache, Disk, Timeout
from diskcache.core import DBNAME, DEFAULT_SETTINGS, METADATA, MODE_RAW

from aigw.core.stores import StoreError
from aigw.stores.private import make_folder
from aigw.stores.sqlite_file import FileError, ForeignFileError, Format, made_of, open_for_writing, reason_of

FORMAT = Format(
    "cache",
    application=0x6169676B,  # "aigk"
    version=1,
    schema=(),  # diskcache's
    pragmas=("auto_vacuum = FULL",),  # the space of deleted values is free at once
)
FILE_NAME = DBNAME
"""The file in the folder. diskcache chose its name."""
FAILURES = (sqlite3.Error, OSError, Timeout)
"""The exceptions that a cache may raise."""
OPEN_SECONDS = 1.0
_PAGES, _MAPPED = 512, 0
"""How much of the file SQLite keeps in memory for each of the two threads: pages of 4 KiB, and mapped bytes. With
diskcache's own 8,192 pages and 64 MiB, 200,000 answers took 130 MiB, though the system caches the file anyway. With
these values a read takes as long, and a write a tenth less."""
Values = dict[bytes, tuple[bytes, float | None]]
"""Values under their keys, each with the seconds for which it is kept, None if that is for ever."""
_VALUE = "SELECT value FROM Cache WHERE key = ? AND raw = 1"
_STORE = """INSERT INTO Cache (key, raw, store_time, expire_time, access_time, size, mode, value)
    VALUES (?, 1, ?, ?, ?, 0, ?, ?) ON CONFLICT (key, raw) DO UPDATE SET store_time = excluded.store_time,
    expire_time = excluded.expire_time, access_time = excluded.access_time, access_count = 0, tag = NULL, size = 0,
    mode = excluded.mode, filename = NULL, value = excluded.value"""
_HEADS = """SELECT key, CAST(substr(value, 1, ?) AS BLOB) FROM Cache
    WHERE key >= ? AND key < ? AND raw = 1 AND length(value) > 0 ORDER BY key LIMIT ?"""
_ROW_BYTES = 10_000
"""How many bytes a row may need beside its value, for its key and the rest."""


class RawDisk(Disk):  # type: ignore[misc]
    """Stores values unchanged, and treats a row of any other kind as missing."""

    def put(self, key: bytes) -> tuple[bytes, bool]:
        return key, True

    def get(self, key: Any, raw: Any) -> Any:
        return key

    def store(self, value: bytes, read: bool, key: Any = None) -> tuple[int, int, None, bytes]:
        return 0, MODE_RAW, None, value

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> bytes:
        if not isinstance(value, bytes):
            raise OSError("not a value of aigw's")  # diskcache counts this as a miss
        return value

    def remove(self, file_path: str) -> None:
        """Deletes nothing: no value has a file of its own, whatever a row says."""


def open_cache(folder: Path, size: int, largest: int) -> Cache:
    """Opens the cache in this folder, and makes it if it is missing. It keeps about `size` bytes, and no value with
    more than `largest` bytes.

    Raises StoreError."""
    path = folder / FILE_NAME
    try:
        make_folder(folder.parent)
        with contextlib.closing(open_for_writing(path, FORMAT, busy=OPEN_SECONDS)) as connection:
            _check(connection, path)
        folder.chmod(0o700)
        path.chmod(0o600)
        settings = {**DEFAULT_SETTINGS, "sqlite_cache_size": _PAGES, "sqlite_mmap_size": _MAPPED}
        settings |= {"size_limit": size, "cull_limit": 0}  # room is made once a transaction
        cache = Cache(str(folder), timeout=OPEN_SECONDS, disk=RawDisk, **settings)
    except FileError:
        raise
    except FAILURES as error:
        raise StoreError(f"{path} cannot be opened: {reason_of(error)}") from None
    limit_values(cache, largest)
    return cache


def limit_values(cache: Cache, largest: int) -> None:
    """Lets SQLite refuse larger values before they are in memory. Must be called in each thread that uses the cache."""
    cache._con.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, largest + _ROW_BYTES)


def value_of(cache: Cache, key: bytes) -> bytes:
    """Returns the value of a key, expired or not; b"" if there is none or if it is larger than aigw writes. diskcache's
    own `get` takes 6 us more."""
    try:
        row = cache._con.execute(_VALUE, (key,)).fetchone()
    except sqlite3.DataError:
        return b""
    return row[0] if row is not None and isinstance(row[0], bytes) else b""


def store(cache: Cache, values: Values) -> None:
    """Stores values. Call it in a transaction. diskcache's `set` takes three
    times as long."""
    now = time.time()
    rows = [
        (key, now, None if ttl is None else now + ttl, now, MODE_RAW, value) for key, (value, ttl) in values.items()
    ]
    cache._con.executemany(_STORE, rows)


def heads(cache: Cache, first: bytes, end: bytes, length: int, count: int) -> list[tuple[bytes, bytes]]:
    """The next keys from `first` until before `end`, and the first `length` bytes of their values."""
    rows: list[tuple[bytes, bytes]] = cache._con.execute(_HEADS, (length, first, end, count)).fetchall()
    return rows


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuses settings that are not ours: diskcache turns whatever it finds there into attributes and pragmas."""
    if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        return  # nothing is there yet
    strange = not made_of(connection, _schema(path.parent))
    if not strange and connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'Settings'").fetchone():
        for name, value in connection.execute("SELECT key, value FROM Settings"):
            known = DEFAULT_SETTINGS.get(name, METADATA.get(name))
            strange = strange or known is None or type(value) is not type(known)
    if strange:
        raise ForeignFileError(f"{path} holds what aigw never put there; delete the folder {path.parent}")


@functools.cache
def _schema(spare: Path) -> frozenset[str]:
    """The schema that diskcache makes, read from a new cache. It is made in `spare` where there is no folder of
    temporary files."""
    try:
        place = tempfile.gettempdir()
    except FileNotFoundError:
        place = str(spare)
    with tempfile.TemporaryDirectory(dir=place) as folder:
        Cache(folder, sqlite_synchronous=0, sqlite_journal_mode="memory").close()
        with contextlib.closing(sqlite3.connect(Path(folder) / FILE_NAME)) as connection:
            found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return frozenset(statement for (statement,) in found)

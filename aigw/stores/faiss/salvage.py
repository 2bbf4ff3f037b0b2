"""Saves the readable parts of a damaged manifest into a new one, which takes its place.

Rule: a source may have lost passages, so all sources count as changed, and all vectors are made again. Vectors that
clients brought are copied; passages that have lost theirs are dropped."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from aigw.core.retrieval import DEFAULT, RetrievalError
from aigw.stores.faiss import manifest
from aigw.stores.faiss.building import sync_folder
from aigw.stores.faiss.changes import transaction
from aigw.stores.sqlite_file import BESIDE, FileError, NewerFileError, open_for_reading, open_for_writing

_SAVED = "saved.sqlite"
_MOST_FAILURES = 10_000
"""If this many consecutive keys have no row, the rest of the table is lost."""
_TABLES = ("sources", "partitions", "passages", "vectors")


def save(folder: Path, name: str) -> bool:
    """Saves what can be read. Returns whether that was necessary. Whoever calls it holds the lock of the collection and
    has not opened the collection."""
    path = manifest.path_of(folder)
    if not path.exists() or _is_sound(path, name):
        return False
    saved = folder / _SAVED
    _remove(saved)
    with (
        contextlib.closing(open_for_writing(saved, manifest.format_of(name))) as there,
        contextlib.closing(_connect(path)) as damaged,
        transaction(there),
    ):
        _copy(damaged, there, folder)
    _remove(path)  # with its log, which would change the one that takes its place
    saved.rename(path)
    sync_folder(folder)
    return True


def _is_sound(path: Path, name: str) -> bool:
    """Raises NewerFileError for a manifest that a newer aigw wrote."""
    try:
        connection = open_for_reading(path, manifest.format_of(name))
        if connection is None:
            return True
        with contextlib.closing(connection):
            return bool(connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))
    except NewerFileError:
        raise
    except (FileError, sqlite3.DatabaseError):
        return False


def _copy(damaged: sqlite3.Connection, there: sqlite3.Connection, folder: Path) -> None:
    try:
        row = damaged.execute("SELECT * FROM collection").fetchone()
    except sqlite3.DatabaseError:
        row = None
    if row is None:
        raise RetrievalError(f"nothing can be read of the manifest in {folder}; delete this folder, and ingest again")
    one, _, *rest = row
    there.execute("INSERT INTO collection VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (one, secrets.token_hex(8), *rest))
    for table in _TABLES:
        for values in _rows(damaged, table):
            marks = ", ".join("?" * len(values))
            there.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", values)  # noqa: S608  ours
    there.execute("UPDATE sources SET digest = ''")
    there.execute(
        """INSERT OR IGNORE INTO sources (name, digest, size, title, at)
            SELECT DISTINCT source, '', 0, '', 0 FROM passages WHERE source != ''"""
    )
    nameless = "SELECT DISTINCT partition FROM passages WHERE partition NOT IN (SELECT number FROM partitions)"
    for (number,) in there.execute(nameless).fetchall():
        for partition in (DEFAULT, f"saved-{number}"):  # the first name that is free
            there.execute("INSERT OR IGNORE INTO partitions VALUES (?, ?)", (number, partition))
    (embedder,) = there.execute("SELECT embedder FROM collection").fetchone()
    if not embedder:
        there.execute("DELETE FROM passages WHERE key NOT IN (SELECT key FROM vectors)")
    there.execute("DELETE FROM vectors WHERE key NOT IN (SELECT key FROM passages)")


def _rows(damaged: sqlite3.Connection, table: str) -> Iterator[tuple[object, ...]]:
    """The rows that can be read, by their numbers, because a damaged page ends any other walk through a table."""
    query = f"SELECT rowid, * FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT 1"  # noqa: S608  ours
    number = failures = 0
    while failures < _MOST_FAILURES:
        try:
            row = damaged.execute(query, (number,)).fetchone()
        except sqlite3.DatabaseError:
            number, failures = number + 1, failures + 1
            continue
        if row is None:
            return
        number, failures = row[0], 0
        yield row[1:]


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=rw", uri=True, isolation_level=None)


def _remove(path: Path) -> None:
    for end in BESIDE:
        path.with_name(path.name + end).unlink(missing_ok=True)

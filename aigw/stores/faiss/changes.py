"""Changes of a collection: removals and additions are one transaction of the manifest.

Rule: whoever calls these functions holds the lock of the collection. New vectors are on the disk before the transaction
begins; files that are not used any more are deleted after it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection as Several
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aigw.core.retrieval import DEFAULT, Passage, Source
from aigw.stores.faiss import building, manifest, segments
from aigw.stores.faiss.segments import SegmentFile
from aigw.stores.faiss.snapshot import Part, Snapshot, bits_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aigw.core.retrieval import CollectionInfo, Vectors

Place = tuple[str, str]
"""A partition, and the id of a passage in it."""


def replace(
    connection: sqlite3.Connection,
    folder: Path,
    now: Snapshot,
    sources: Sequence[Source],
    passages: Sequence[Passage],
    vectors: Vectors,
) -> None:
    last = {(each.partition, each.id): number for number, each in enumerate(passages)}
    names = [each.name for each in sources]
    gone = set(_keys_of_sources(connection, names)) | set(keys_at(connection, now, last).values())
    chosen = [passages[number] for number in last.values()]
    with _change(connection, folder, now, gone, chosen, vectors[list(last.values())]):
        connection.executemany(
            "INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?)",
            [(each.name, each.digest, each.size, each.title, each.at) for each in sources],
        )


def remove(connection: sqlite3.Connection, folder: Path, now: Snapshot, names: Several[str]) -> int:
    gone = set(_keys_of_sources(connection, names))
    with _change(connection, folder, now, gone):
        there = 0
        for name in names:
            there += connection.execute("DELETE FROM sources WHERE name = ?", (name,)).rowcount
    return there


def upsert(
    connection: sqlite3.Connection,
    folder: Path,
    now: Snapshot,
    passages: Sequence[Passage],
    vectors: Vectors,
    only_new: bool,
) -> list[bool]:
    places = [(each.partition, each.id) for each in passages]
    there = keys_at(connection, now, places)
    if only_new:
        first = {place: number for number, place in reversed(list(enumerate(places))) if place not in there}
        chosen = sorted(first.values())
        put = set(chosen)
        gone: set[int] = set()
    else:
        chosen = sorted({place: number for number, place in enumerate(places)}.values())
        put = set(range(len(places)))
        gone = set(there.values())
    if chosen:
        with _change(connection, folder, now, gone, [passages[number] for number in chosen], vectors[chosen]):
            pass
    return [number in put for number in range(len(places))]


def delete(
    connection: sqlite3.Connection, folder: Path, now: Snapshot, ids: Several[str], partition: str, everything: bool
) -> int:
    if everything:
        number = now.partitions.get(partition)
        gone = {key for (key,) in connection.execute("SELECT key FROM passages WHERE partition = ?", (number,))}
    else:
        gone = set(keys_at(connection, now, [(partition, each) for each in ids]).values())
    if gone:
        with _change(connection, folder, now, gone):
            pass
    return len(gone)


def create_partition(connection: sqlite3.Connection, name: str) -> bool:
    if name == DEFAULT:
        return False
    with transaction(connection):
        made = connection.execute("INSERT OR IGNORE INTO partitions (name) VALUES (?)", (name,)).rowcount
        connection.execute("UPDATE collection SET changes = changes + ?", (made,))
    return made > 0


def drop_partition(connection: sqlite3.Connection, folder: Path, now: Snapshot, name: str) -> bool:
    number = now.partitions.get(name)
    if number is None:
        return name == DEFAULT
    gone = {key for (key,) in connection.execute("SELECT key FROM passages WHERE partition = ?", (number,))}
    with _change(connection, folder, now, gone):
        connection.execute("DELETE FROM partitions WHERE number = ?", (number,))
    return True


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.execute("COMMIT")


def add_segment(
    connection: sqlite3.Connection,
    said: SegmentFile,
    rows: Sequence[NDArray[np.generic]],
    dead: NDArray[np.bool_] | None = None,
) -> None:
    """Names a segment, with the keys, languages and partitions of its rows."""
    number = connection.execute(
        "INSERT INTO segments (file, size, modified, sha256, kind, rows, probes) VALUES (?, ?, ?, ?, ?, ?, ?)", said[1:]
    ).lastrowid
    columns = (each.astype(kind).tobytes() for each, kind in zip(rows, ("<i8", "u1", "<i4"), strict=True))
    connection.execute("INSERT INTO segment_rows VALUES (?, ?, ?, ?)", (number, *columns))
    if dead is not None and dead.any():
        bury(connection, number, dead)


def bury(connection: sqlite3.Connection, number: int | None, dead: NDArray[np.bool_]) -> None:
    """Marks the rows of a segment that are dead."""
    connection.execute("INSERT OR REPLACE INTO segment_dead VALUES (?, ?)", (number, bits_of(dead)))


def drop_segment(connection: sqlite3.Connection, number: int) -> None:
    for table, column in (("segments", "number"), ("segment_rows", "segment"), ("segment_dead", "segment")):
        connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (number,))  # noqa: S608  ours


def unit(info: CollectionInfo, vectors: Vectors) -> Vectors:
    """Returns the vectors as a segment keeps them: for cosine, only their direction."""
    if info.metric != "cosine":
        return vectors
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return directions


@contextlib.contextmanager
def _change(
    connection: sqlite3.Connection,
    folder: Path,
    now: Snapshot,
    gone: set[int],
    come: Sequence[Passage] = (),
    vectors: Vectors | None = None,
) -> Iterator[None]:
    """A change of passages. The block runs inside the transaction."""
    said = None
    if come and vectors is not None:
        rows = unit(now.head.info, vectors)
        said = building.write(folder, now.head.info.metric, len(rows), lambda: (rows,), rows)
    try:
        with transaction(connection):
            manifest.remove_passages(connection, sorted(gone))
            useless = _bury_all(connection, now.parts, gone)
            if said is not None and vectors is not None:
                _add(connection, now, said, come, vectors)
            yield
            connection.execute("UPDATE collection SET changes = changes + 1")
    except BaseException:
        segments.remove(folder, [said.file] if said else ())
        raise
    segments.remove(folder, useless)


def _add(
    connection: sqlite3.Connection, now: Snapshot, said: SegmentFile, passages: Sequence[Passage], vectors: Vectors
) -> None:
    partitions = _numbers(connection, {each.partition for each in passages})
    added = [manifest.add_passage(connection, each, partitions[each.partition]) for each in passages]
    keys, languages = np.array(added, np.int64).T
    add_segment(connection, said, (keys, languages, np.array([partitions[each.partition] for each in passages])))
    if not now.head.info.embedder:  # nothing could make them again
        connection.executemany(
            "INSERT INTO vectors VALUES (?, ?)",
            ((key, vector.astype("<f4").tobytes()) for (key, _), vector in zip(added, vectors, strict=True)),
        )


def _bury_all(connection: sqlite3.Connection, parts: Sequence[Part], gone: set[int]) -> list[str]:
    """Marks the rows of passages that go. Returns the files of segments that have no row left."""
    useless = []
    keys = np.sort(np.fromiter(gone, np.int64, len(gone)))
    for part in parts:
        rows = part.rows(keys)
        if not len(rows):
            continue
        if len(rows) == part.count:
            drop_segment(connection, part.segment.said.number)
            useless.append(part.segment.said.file)
            continue
        dead = np.zeros(part.segment.said.rows, np.bool_) if part.alive is None else ~part.alive
        dead[rows] = True
        bury(connection, part.segment.said.number, dead)
    return useless


def _numbers(connection: sqlite3.Connection, names: Several[str]) -> Mapping[str, int]:
    connection.executemany("INSERT OR IGNORE INTO partitions (name) VALUES (?)", ((name,) for name in sorted(names)))
    return manifest.partitions(connection)


def _keys_of_sources(connection: sqlite3.Connection, names: Several[str]) -> list[int]:
    return [
        key
        for name in names
        for (key,) in connection.execute("SELECT key FROM passages WHERE source = ?", (name,)).fetchall()
    ]


def keys_at(connection: sqlite3.Connection, now: Snapshot, places: Several[Place]) -> dict[Place, int]:
    """The keys of those passages that are there."""
    found = {}
    for partition, id_ in places:
        number = now.partitions.get(partition)
        if number is not None:
            row = connection.execute(
                "SELECT key FROM passages WHERE partition = ? AND id = ?", (number, id_)
            ).fetchone()
            if row:
                found[partition, id_] = row[0]
    return found

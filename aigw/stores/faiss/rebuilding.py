"""Makes vectors again: of all passages with another embedder, or of those whose segments are missing or damaged.

Rule: nothing changes before the one transaction at the end. Vectors wait in a file, because a million of them need more
memory than a search."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aigw.core.retrieval import Embed, Passage, RetrievalError
from aigw.stores.collections import fitting
from aigw.stores.faiss import building, manifest, segments
from aigw.stores.faiss.building import BLOCK_ROWS, SAMPLE_ROWS
from aigw.stores.faiss.changes import add_segment, drop_segment, transaction, unit
from aigw.stores.faiss.snapshot import Part, Snapshot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aigw.core.retrieval import CollectionInfo, Vectors

Embeds = Callable[[Mapping[int, Passage]], "Vectors"]
"""Embeds some passages, which come with their keys, and waits for it."""
BATCH = 256
"""How many passages are embedded at a time."""
_WAITING_FILE = "vectors" + segments.SUFFIX + segments.UNFINISHED
"""A name that the next writer takes for an orphan."""


class Waiting:
    """Lets a thread wait for what embeds on the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, embed: Embed) -> None:
        self._loop = loop
        self._embed = embed
        self._changing = threading.Lock()
        self._stopped = False
        self._current: Future[Vectors] | None = None

    def __call__(self, passages: Mapping[int, Passage]) -> Vectors:
        with self._changing:
            if self._stopped:
                raise CancelledError
            self._current = asyncio.run_coroutine_threadsafe(self._embedded(passages), self._loop)
        return self._current.result()

    def stop(self) -> None:
        """Makes the thread that waits for vectors fail, because nobody wants them any more."""
        with self._changing:
            self._stopped = True
            if self._current is not None:
                self._current.cancel()

    async def _embedded(self, passages: Mapping[int, Passage]) -> Vectors:
        return await self._embed(list(passages.values()))


def reindex(connection: sqlite3.Connection, folder: Path, info: CollectionInfo, embeds: Embeds) -> int:
    """Gives all passages the vectors that `info` wants. Whoever calls it holds the lock of the collection."""
    return _rebuild(connection, folder, info, (), embeds)


def repair(connection: sqlite3.Connection, folder: Path, now: Snapshot, embeds: Embeds) -> int:
    """Makes missing and damaged segments again. Whoever calls it holds the lock of the collection."""
    info = now.head.info
    if not info.embedder:
        embeds = partial(_brought, connection, info)
    return _rebuild(connection, folder, info, [part for part in now.parts if _is_sound(part)], embeds)


def _rebuild(
    connection: sqlite3.Connection, folder: Path, info: CollectionInfo, kept: Sequence[Part], embeds: Embeds
) -> int:
    keys, languages, partitions = _missing(connection, kept)
    said = None
    if len(keys):
        waiting = _embedded(connection, folder, info, keys, embeds)
        sample = np.sort(np.random.default_rng(0).permutation(len(keys))[:SAMPLE_ROWS])
        said = building.write(folder, info.metric, len(keys), lambda: _blocks(waiting), waiting[sample])
    numbers = {part.segment.said.number for part in kept}
    dropped = [row for row in connection.execute("SELECT number, file FROM segments") if row[0] not in numbers]
    with transaction(connection):
        for number, _ in dropped:
            drop_segment(connection, number)
        if said is not None:
            add_segment(connection, said, (keys, languages, partitions))
        manifest.index_words(connection)
        connection.execute(
            """UPDATE collection SET embedder = ?, dimension = ?, rules = ?, changes = changes + 1,
                layout = layout + 1""",
            (info.embedder, info.dimension, manifest.RULES),
        )
    segments.remove(folder, [*(file for _, file in dropped), _WAITING_FILE])
    return len(keys)


def _missing(connection: sqlite3.Connection, kept: Sequence[Part]) -> tuple[NDArray[np.int64], ...]:
    """Returns the keys, languages and partitions of the passages that are in none of these segments."""
    rows = np.array(
        connection.execute("SELECT key, language, partition FROM passages ORDER BY key").fetchall(), np.int64
    ).reshape(-1, 3)
    for part in kept:
        rows = rows[~np.isin(rows[:, 0], part.keys)]
    return rows[:, 0], rows[:, 1], rows[:, 2]


def _embedded(
    connection: sqlite3.Connection, folder: Path, info: CollectionInfo, keys: NDArray[np.int64], embeds: Embeds
) -> Vectors:
    path = folder / _WAITING_FILE
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    waiting: Vectors = np.memmap(path, np.float32, "r+", shape=(len(keys), info.dimension))
    for start in range(0, len(keys), BATCH):
        passages = manifest.passages(connection, *manifest.among(keys[start : start + BATCH].tolist()))
        vectors = fitting(info, embeds(passages), len(passages))
        waiting[start : start + BATCH] = unit(info, vectors)
    return waiting


def _blocks(vectors: Vectors) -> Iterator[Vectors]:
    for start in range(0, len(vectors), BLOCK_ROWS):
        yield vectors[start : start + BLOCK_ROWS]


def _is_sound(part: Part) -> bool:
    try:
        part.segment.check()
    except RetrievalError:
        return False
    return True


def _brought(connection: sqlite3.Connection, info: CollectionInfo, passages: Mapping[int, Passage]) -> Vectors:
    """Returns the vectors that clients brought."""
    found = manifest.vectors(connection, list(passages))
    if len(found) < len(passages):
        raise RetrievalError(
            f"the collection {info.name} has lost vectors that clients brought; drop it, and let them bring these again"
        )
    return np.stack([found[key] for key in passages])

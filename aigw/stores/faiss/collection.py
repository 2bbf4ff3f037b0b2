"""One collection of this machine: reads in a few threads with a connection each, changes in one thread, under a lock
that all processes share.

Rule: the event loop only asks for the version, which takes microseconds. A collection that was dropped meanwhile is not
there any more, also if there is another one of its name."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Collection as Several
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from aigw.core.retrieval import (
    DEFAULT,
    Candidates,
    CollectionInfo,
    Condition,
    Embed,
    Language,
    NoCollectionError,
    Passage,
    Query,
    RetrievalError,
    Source,
    Stats,
)
from aigw.stores.faiss import changes, conditions, manifest, merging, rebuilding, segments, words
from aigw.stores.faiss.failures import told
from aigw.stores.faiss.lock import HeldError, entered, held
from aigw.stores.faiss.segments import MissingSegmentError
from aigw.stores.faiss.snapshot import Part, Snapshot, load
from aigw.stores.private import identity
from aigw.stores.sqlite_file import open_for_reading, open_for_writing

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

T = TypeVar("T")

logger = logging.getLogger(__name__)

log = logging.getLogger("aigw")

LOCK = "lock"
MERGING = "merging"
"""The file of the lock of whoever merges large segments, which is not that of changes."""
READERS = 4
"""How many searches run at the same time."""
_TRIES = 5
"""How often a read begins anew because a segment was merged under its eyes."""


class FaissCollection:
    def __init__(self, folder: Path, name: str, patience: float, tell: Callable[[str], None] | None) -> None:
        """Raises NoCollectionError, RetrievalError. Takes milliseconds."""
        self.name = name
        self._folder = folder
        self._path = manifest.path_of(folder)
        self._patience = patience
        self._tell = tell
        self._readers = ThreadPoolExecutor(READERS, f"search-{name}")
        self._writer = ThreadPoolExecutor(1, f"write-{name}")
        self._idle: list[sqlite3.Connection] = []
        """Connections of readers that nobody uses now."""
        self._writing: sqlite3.Connection | None = None
        self._loading = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._closed = False
        self._stopped = threading.Event()
        self._merging: frozenset[int] = frozenset()
        """The numbers of segments that are merged now."""
        self._tidying: asyncio.Task[None] | None = None
        with told(self.name):
            self._watch = self._connect()
            self._identity = identity(self._path)
            self._head = manifest.head(self._watch, name)

    @property
    def is_there(self) -> bool:
        """False once it was dropped, by whomever."""
        return not self._closed and identity(self._path) == self._identity

    @property
    def info(self) -> CollectionInfo:
        self._look()
        return self._head.info

    def version(self) -> str:
        self._look()
        return self._head.version

    async def sources(self) -> Mapping[str, Source]:
        return await self._read(_sources)

    async def replace(self, source: Source, passages: Sequence[Passage], vectors: Vectors) -> None:
        def job(connection: sqlite3.Connection) -> None:
            now = self._current(connection)
            fitted = changes.fitting(now.head.info, vectors, len(passages))
            changes.replace(connection, self._folder, now, source, passages, fitted)

        await self._write(job)

    async def remove(self, sources: Several[str]) -> int:
        return await self._write(
            lambda connection: changes.remove(connection, self._folder, self._current(connection), sources)
        )

    async def upsert(self, passages: Sequence[Passage], vectors: Vectors, *, only_new: bool = False) -> Sequence[bool]:
        def job(connection: sqlite3.Connection) -> list[bool]:
            now = self._current(connection)
            fitted = changes.fitting(now.head.info, vectors, len(passages))
            return changes.upsert(connection, self._folder, now, passages, fitted, only_new)

        return await self._write(job)

    async def delete(self, ids: Several[str], partition: str = DEFAULT, *, everything: bool = False) -> int:
        def job(connection: sqlite3.Connection) -> int:
            return changes.delete(connection, self._folder, self._current(connection), ids, partition, everything)

        return await self._write(job)

    async def fetch(self, ids: Sequence[str], partition: str = DEFAULT) -> Mapping[str, tuple[Passage, Vectors]]:
        return await self._read(lambda connection: _fetch(connection, self._current(connection), ids, partition))

    async def first(self, top: int, partition: str = DEFAULT, where: Condition | None = None) -> Sequence[Passage]:
        return await self._read(lambda connection: _first(connection, self._current(connection), top, partition, where))

    async def partitions(self) -> Mapping[str, int]:
        def job(connection: sqlite3.Connection) -> dict[str, int]:
            now = self._current(connection)
            _, counts = now.counts()
            return dict.fromkeys((DEFAULT, *now.partitions), 0) | counts

        return await self._read(job)

    async def create_partition(self, name: str) -> bool:
        return await self._write(lambda connection: changes.create_partition(connection, name))

    async def drop_partition(self, name: str) -> bool:
        return await self._write(
            lambda connection: changes.drop_partition(connection, self._folder, self._current(connection), name)
        )

    async def search(self, query: Query) -> Candidates:
        return await self._read(lambda connection: _search(connection, self._current(connection), query))

    async def passages(self, keys: Sequence[int]) -> Mapping[int, Passage]:
        return await self._read(lambda connection: manifest.passages(connection, *manifest.among(keys)))

    async def vectors(self, keys: Sequence[int]) -> Mapping[int, Vectors]:
        return await self._read(lambda connection: self._current(connection).vectors(keys))

    async def sample(self, most: int, language: Language | None = None, partition: str = DEFAULT) -> Vectors:
        return await self._read(lambda connection: self._current(connection).sample(most, language, partition))

    async def of_source(self, source: str) -> Sequence[Passage]:
        found = await self._read(lambda connection: manifest.passages(connection, "source = ?", [source]))
        return list(found.values())

    async def stats(self) -> Stats:
        return await self._read(lambda connection: self._stats(connection, self._current(connection)))

    async def tidy(self) -> None:
        """Does nothing if somebody else is merging."""
        try:
            async with entered(held(self._folder / MERGING, self.name, 0.0)):
                while parts := await self._read(lambda connection: merging.due(self._current(connection).parts)):
                    if not await self._merge(parts):
                        return
        except HeldError:
            return

    async def reindex(self, embedder: str, dimension: int, embed: Embed) -> int:
        def job(connection: sqlite3.Connection, embeds: rebuilding.Embeds) -> int:
            info = manifest.head(connection, self.name).info._replace(embedder=embedder, dimension=dimension)
            return rebuilding.reindex(connection, self._folder, info, embeds)

        return await self._write_embedding(job, embed)

    async def repair(self, embed: Embed) -> int:
        def job(connection: sqlite3.Connection, embeds: rebuilding.Embeds) -> int:
            return rebuilding.repair(connection, self._folder, self._current(connection), embeds)

        return await self._write_embedding(job, embed)

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._stopped.set()
        if self._tidying is not None:
            await asyncio.wait([self._tidying])
        await asyncio.to_thread(self._close)

    def discard(self) -> None:
        """Closes it without waiting for who still uses it."""
        if not self._closed:
            self._closed = True
            self._stopped.set()
            threading.Thread(target=self._close).start()

    def _close(self) -> None:
        self._readers.shutdown()
        self._writer.shutdown()
        for connection in (*self._idle, self._watch, *([self._writing] if self._writing else ())):
            connection.close()

    async def _read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        return await self._run(self._readers, self._read_now, job)

    async def _write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        done = await self._run(self._writer, self._write_now, job)
        self._tidy_later()
        return done

    def _tidy_later(self) -> None:
        """Merges what is large in the background, if nobody asked for it and it is due."""
        parts = () if self._snapshot is None else merging.due(self._snapshot.parts)
        large = sum(part.count for part in parts) > merging.SMALL_ROWS
        if large and not self._closed and (self._tidying is None or self._tidying.done()):
            self._tidying = asyncio.create_task(self._tidy_quietly())

    async def _tidy_quietly(self) -> None:
        try:
            await self.tidy()
        except RetrievalError as error:
            if self.is_there:
                log.warning("the segments of the collection %s are not merged: %s", self.name, error)

    async def _write_embedding(self, job: Callable[[sqlite3.Connection, rebuilding.Embeds], int], embed: Embed) -> int:
        """The thread holds the lock while the event loop embeds for it."""
        waiting = rebuilding.Waiting(asyncio.get_running_loop(), embed)
        try:
            return await self._write(lambda connection: job(connection, waiting))
        finally:
            waiting.stop()

    async def _run(
        self,
        threads: ThreadPoolExecutor,
        call: Callable[[Callable[[sqlite3.Connection], T]], T],
        job: Callable[[sqlite3.Connection], T],
    ) -> T:
        self._refuse_absent()
        return await asyncio.get_running_loop().run_in_executor(threads, call, job)

    def _read_now(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """One transaction, so that all that is read belongs together."""
        for _ in range(_TRIES - 1):
            with contextlib.suppress(MissingSegmentError), told(self.name), self._reading() as connection:
                return job(connection)
        with told(self.name), self._reading() as connection:
            return job(connection)

    def _write_now(self, job: Callable[[sqlite3.Connection], T]) -> T:
        with told(self.name), held(self._folder / LOCK, self.name, self._patience, self._tell):
            self._refuse_absent()
            with self._writable() as connection:
                done = job(connection)
                self._merge_small(connection)
                return done

    def _merge_small(self, connection: sqlite3.Connection) -> None:
        """Keeps the number of segments small while many changes come."""
        while True:
            now = self._current(connection)
            free = [part for part in now.parts if part.segment.said.number not in self._merging]
            if len(free) <= merging.MOST_PARTS or not (parts := merging.due(free, merging.SMALL_ROWS)):
                return
            merging.put(connection, self._folder, now, self._build(parts))

    async def _merge(self, parts: Sequence[Part]) -> bool:
        """Merges segments while others go on writing."""
        self._merging = frozenset(part.segment.said.number for part in parts)
        try:
            merged = await asyncio.get_running_loop().run_in_executor(self._readers, self._build, parts)
            return await self._write(
                lambda connection: merging.put(connection, self._folder, self._current(connection), merged)
            )
        except (MissingSegmentError, merging.StoppedError):  # another process was faster, or this one ends
            return False
        finally:
            self._merging = frozenset()

    def _build(self, parts: Sequence[Part]) -> merging.Merged:
        with told(self.name):
            return merging.build(self._folder, self._head.info.metric, parts, self._stopped)

    @contextlib.contextmanager
    def _writable(self) -> Iterator[sqlite3.Connection]:
        """The connection of the writer. When it is opened, what a killed process has left is removed."""
        if self._writing is None:
            self._writing = open_for_writing(self._path, manifest.format_of(self.name))
            self._writing.execute("PRAGMA synchronous = FULL")
            named = [file for (file,) in self._writing.execute("SELECT file FROM segments")]
            with contextlib.suppress(HeldError), held(self._folder / MERGING, self.name, 0.0):  # else it is no orphan
                segments.remove(self._folder, segments.orphans(self._folder, named))
        try:
            yield self._writing
        except sqlite3.Error:
            self._writing.close()
            self._writing = None
            raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = open_for_reading(self._path, manifest.format_of(self.name))
        if connection is None:
            raise NoCollectionError(f"there is no collection {self.name}")
        return connection

    def _current(self, connection: sqlite3.Connection) -> Snapshot:
        with self._loading:
            self._snapshot = load(connection, self._folder, self.name, self._snapshot)
            return self._snapshot

    def _look(self) -> None:
        self._refuse_absent()
        with told(self.name):
            self._head = manifest.head(self._watch, self.name)

    def _refuse_absent(self) -> None:
        if identity(self._path) != self._identity:
            raise NoCollectionError(f"the collection {self.name} was dropped")
        if self._closed:
            raise RetrievalError(f"the collection {self.name} has been closed")

    def _stats(self, connection: sqlite3.Connection, now: Snapshot) -> Stats:
        (sources,) = connection.execute("SELECT count(*) FROM sources").fetchone()
        languages, partitions = now.counts()
        size = sum(each.stat().st_size for each in self._folder.iterdir())
        kinds = [part.segment.said.kind for part in now.parts]
        return Stats(sum(languages.values()), sources, languages, partitions, kinds, size)


def _sources(connection: sqlite3.Connection) -> dict[str, Source]:
    found = connection.execute(
        """SELECT name, digest, size, title, coalesce(passages, 0), at FROM sources
            LEFT JOIN (SELECT source, count(*) AS passages FROM passages GROUP BY source) ON source = name"""
    )
    return {row[0]: Source(*row) for row in found}


def _fetch(
    connection: sqlite3.Connection, now: Snapshot, ids: Sequence[str], partition: str
) -> dict[str, tuple[Passage, Vectors]]:
    keys = list(changes.keys_at(connection, now, {(partition, each) for each in ids}).values())
    passages = manifest.passages(connection, *manifest.among(keys))
    vectors = manifest.vectors(connection, keys) if not now.head.info.embedder else now.vectors(keys)
    return {passage.id: (passage, vectors[key]) for key, passage in passages.items()}


def _first(
    connection: sqlite3.Connection, now: Snapshot, top: int, partition: str, where: Condition | None
) -> Sequence[Passage]:
    text, bound = ("1", []) if where is None else conditions.clause(where)
    chosen = f"key IN (SELECT key FROM passages WHERE partition = ? AND {text} ORDER BY key LIMIT ?)"  # noqa: S608
    return list(manifest.passages(connection, chosen, [now.partitions.get(partition, 0), *bound, top]).values())


def _search(connection: sqlite3.Connection, now: Snapshot, query: Query) -> Candidates:
    near = []
    narrowed, bound = _narrowed(now, query)
    if query.vector is not None:
        vector = changes.unit(now.head.info, changes.fitting(now.head.info, query.vector.reshape(1, -1), 1))[0]
        among = None
        if query.where is not None:
            found = connection.execute(f"SELECT key FROM passages WHERE {narrowed} ORDER BY key", bound)  # noqa: S608
            among = np.fromiter((key for (key,) in found), np.int64)
        near = now.search(vector, query.top, query.partition, query.language, among)
    singles = _words(connection, now, query, words.terms(query.text), narrowed, bound)
    return Candidates(near, *singles, *_words(connection, now, query, words.pairs(query.text), narrowed, bound))


def _narrowed(now: Snapshot, query: Query) -> tuple[str, Sequence[object]]:
    """The condition that the query makes on passages beside their language, "" for none."""
    number = now.partitions.get(query.partition, 0)
    if query.where is not None:
        text, bound = conditions.clause(query.where)
        return f"partition = ? AND {text}", [number, *bound]
    return ("", []) if set(now.partitions) <= {query.partition} else ("partition = ?", [number])


def _words(
    connection: sqlite3.Connection,
    now: Snapshot,
    query: Query,
    terms: Sequence[str],
    narrowed: str,
    bound: Sequence[object],
) -> tuple[Sequence[tuple[int, float]], float]:
    """What has some of these words, and their mass."""
    if not terms:
        return (), 0.0
    languages: Sequence[Language] = manifest.LANGUAGES if query.language is None else (query.language,)
    found = [each for name in languages for each in words.best(connection, name, terms, query.top, narrowed, bound)]
    counts, _ = now.counts()
    mass = max(words.mass(connection, name, terms, counts[name]) for name in languages)
    return sorted(found, key=lambda each: -each[1])[: query.top], mass

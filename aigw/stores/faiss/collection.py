"""One collection of this machine.

Rule: the event loop only reads the version, which takes microseconds; everything else runs in threads. Large segments
are merged while changes go on."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Collection as Several
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aigw.core.retrieval import (
    DEFAULT,
    Candidates,
    CollectionInfo,
    Condition,
    Embed,
    Language,
    Passage,
    Query,
    RetrievalError,
    Source,
    Stats,
)
from aigw.stores.collections import fitting
from aigw.stores.faiss import changes, manifest, merging, reading, rebuilding
from aigw.stores.faiss.access import MERGING, Access
from aigw.stores.faiss.failures import told
from aigw.stores.faiss.lock import HeldError, awaited
from aigw.stores.faiss.segments import MissingSegmentError
from aigw.stores.faiss.snapshot import Part, Snapshot

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

T = TypeVar("T")

log = logging.getLogger("aigw")


class FaissCollection:
    def __init__(self, folder: Path, name: str, patience: float, tell: Callable[[str], None] | None) -> None:
        """Takes milliseconds. Raises NoCollectionError, RetrievalError."""
        self._folder = folder
        self._access = Access(folder, name, patience, tell)
        self._merging: frozenset[int] = frozenset()
        """The numbers of segments that are merged now."""
        self._tidy = asyncio.Lock()
        self._tidying: asyncio.Task[None] | None = None

    @property
    def is_there(self) -> bool:
        """False once it was dropped, by whomever, or closed."""
        return self._access.is_there

    @property
    def info(self) -> CollectionInfo:
        return self._access.head().info

    def version(self) -> str:
        return self._access.head().version

    async def sources(self) -> Mapping[str, Source]:
        return await self._access.read(reading.sources)

    async def replace(self, source: Source, passages: Sequence[Passage], vectors: Vectors) -> None:
        await self.replace_all([source], [each._replace(source=source.name) for each in passages], vectors)

    async def replace_all(self, sources: Sequence[Source], passages: Sequence[Passage], vectors: Vectors) -> None:
        await self._change(
            lambda connection, now: changes.replace(
                connection, self._folder, now, sources, passages, fitting(now.head.info, vectors, len(passages))
            )
        )

    async def remove(self, sources: Several[str]) -> int:
        return await self._change(lambda connection, now: changes.remove(connection, self._folder, now, sources))

    async def upsert(self, passages: Sequence[Passage], vectors: Vectors, *, only_new: bool = False) -> Sequence[bool]:
        def job(connection: sqlite3.Connection, now: Snapshot) -> list[bool]:
            fitted = fitting(now.head.info, vectors, len(passages))
            return changes.upsert(connection, self._folder, now, passages, fitted, only_new)

        return await self._change(job)

    async def delete(self, ids: Several[str], partition: str = DEFAULT, *, everything: bool = False) -> int:
        return await self._change(
            lambda connection, now: changes.delete(connection, self._folder, now, ids, partition, everything)
        )

    async def fetch(self, ids: Sequence[str], partition: str = DEFAULT) -> Mapping[str, tuple[Passage, Vectors]]:
        return await self._look(lambda connection, now: reading.fetch(connection, now, ids, partition))

    async def first(self, top: int, partition: str = DEFAULT, where: Condition | None = None) -> Sequence[Passage]:
        return await self._look(lambda connection, now: reading.first(connection, now, top, partition, where))

    async def partitions(self) -> Mapping[str, int]:
        return await self._look(lambda _, now: dict.fromkeys((DEFAULT, *now.partitions), 0) | now.counts[1])

    async def create_partition(self, name: str) -> bool:
        return await self._change(lambda connection, _: changes.create_partition(connection, name))

    async def drop_partition(self, name: str) -> bool:
        return await self._change(lambda connection, now: changes.drop_partition(connection, self._folder, now, name))

    async def search(self, query: Query) -> Candidates:
        return await self._look(lambda connection, now: reading.search(connection, now, query))

    async def passages(self, keys: Sequence[int]) -> Mapping[int, Passage]:
        return await self._access.read(lambda connection: manifest.passages(connection, *manifest.among(keys)))

    async def vectors(self, keys: Sequence[int]) -> Mapping[int, Vectors]:
        return await self._look(lambda connection, now: reading.vectors(connection, now, keys))

    async def sample(self, most: int, language: Language | None = None, partition: str = DEFAULT) -> Vectors:
        return await self._look(lambda _, now: now.sample(most, language, partition))

    async def of_source(self, source: str) -> Sequence[Passage]:
        found = await self._access.read(lambda connection: manifest.passages(connection, "source = ?", [source]))
        return list(found.values())

    async def stats(self) -> Stats:
        return await self._look(lambda connection, now: reading.stats(connection, now, self._folder))

    async def tidy(self) -> None:
        """Merges segments, unless another process is doing so."""
        try:
            async with self._tidy, awaited(self._folder / MERGING, self._access.name, 0.0):
                while parts := await self._look(lambda _, now: merging.due(now.parts)):
                    if not await self._merge(parts):
                        return
        except HeldError:
            return

    async def reindex(self, embedder: str, dimension: int, embed: Embed) -> int:
        def job(connection: sqlite3.Connection, embeds: rebuilding.Embeds) -> int:
            info = manifest.head(connection, self._access.name).info._replace(embedder=embedder, dimension=dimension)
            return rebuilding.reindex(connection, self._folder, info, embeds)

        return await self._change_embedding(job, embed)

    async def repair(self, embed: Embed) -> int:
        def job(connection: sqlite3.Connection, embeds: rebuilding.Embeds) -> int:
            return rebuilding.repair(connection, self._folder, self._access.current(connection), embeds)

        return await self._change_embedding(job, embed)

    async def aclose(self) -> None:
        self._access.stopped.set()
        if self._tidying is not None:
            await asyncio.wait([self._tidying])
        await asyncio.to_thread(self._access.close)

    def discard(self) -> None:
        """Closes it without waiting for who still uses it."""
        threading.Thread(target=self._access.close).start()

    async def _look(self, job: Callable[[sqlite3.Connection, Snapshot], T]) -> T:
        return await self._access.read(lambda connection: job(connection, self._access.current(connection)))

    async def _change(self, job: Callable[[sqlite3.Connection, Snapshot], T]) -> T:
        def whole(connection: sqlite3.Connection) -> T:
            done = job(connection, self._access.current(connection))
            self._merge_small(connection)
            return done

        done = await self._access.write(whole)
        self._tidy_later()
        return done

    async def _change_embedding(self, job: Callable[[sqlite3.Connection, rebuilding.Embeds], int], embed: Embed) -> int:
        """The thread holds the lock while the event loop embeds for it."""
        waiting = rebuilding.Waiting(asyncio.get_running_loop(), embed)
        try:
            return await self._access.write(lambda connection: job(connection, waiting))
        finally:
            waiting.stop()

    def _merge_small(self, connection: sqlite3.Connection) -> None:
        """Keeps the number of segments small while many changes come. A failure is only logged, because the change
        itself is done."""
        try:
            while True:
                now = self._access.current(connection)
                free = [part for part in now.parts if part.segment.said.number not in self._merging]
                if len(free) <= merging.MOST_PARTS or not (parts := merging.due(free, merging.SMALL_ROWS)):
                    return
                merging.put(connection, self._folder, now, self._build(parts))
        except RetrievalError as error:
            self._complain(error)

    def _tidy_later(self) -> None:
        """Merges what is large in the background, if nobody asked for it and it is due."""
        parts = () if self._access.snapshot is None else merging.due(self._access.snapshot.parts)
        large = sum(part.count for part in parts) > merging.SMALL_ROWS
        if large and (self._tidying is None or self._tidying.done()):
            self._tidying = asyncio.create_task(self._tidy_quietly())

    async def _tidy_quietly(self) -> None:
        try:
            await self.tidy()
        except RetrievalError as error:
            if self.is_there:
                self._complain(error)

    async def _merge(self, parts: Sequence[Part]) -> bool:
        """Merges segments while others go on writing."""
        self._merging = frozenset(part.segment.said.number for part in parts)
        try:
            merged = await self._access.run(lambda: self._build(parts))
            return await self._access.write(
                lambda connection: merging.put(connection, self._folder, self._access.current(connection), merged)
            )
        except (MissingSegmentError, merging.StoppedError):  # another process was faster, or this one ends
            return False
        finally:
            self._merging = frozenset()

    def _build(self, parts: Sequence[Part]) -> merging.Merged:
        with told(self._access.name):
            return merging.build(self._folder, parts, self._access.stopped)

    def _complain(self, error: Exception) -> None:
        log.warning("the segments of the collection %s are not merged: %s", self._access.name, error)

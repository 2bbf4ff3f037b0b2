"""One collection in a Milvus: reads in the threads of the server's connection, changes in one thread of its own.

Rule: only vectors are searched. Milvus's own full-text search knows no stems, and counts words per segment in
milvus-lite, so that its scores cannot be combined; there are no candidates by words. A collection that was dropped
meanwhile is gone, even if there is a new one of its name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Collection as Several
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from aigw.core.retrieval import (
    DEFAULT,
    Candidates,
    CollectionInfo,
    Condition,
    Language,
    Near,
    Passage,
    Query,
    RetrievalError,
    Source,
    Stats,
)
from aigw.stores.collections import fitting
from aigw.stores.milvus import rows
from aigw.stores.milvus.changes import Writer
from aigw.stores.milvus.conditions import clause
from aigw.stores.milvus.reading import NEEDED, Reader
from aigw.stores.milvus.rows import LANGUAGES, Identity, Row
from aigw.stores.milvus.table import MOST_ROWS, Table
from aigw.stores.milvus.versions import Versions

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

T = TypeVar("T")

_PASSAGES = f"kind == {rows.PASSAGE}"
_SPREAD = 4
"""A sample is chosen from this many times as many passages."""


class MilvusCollection:
    def __init__(self, table: Table, identity: Identity, readers: Executor, versions: Versions) -> None:
        self.identity = identity
        self._table = table
        self._readers = readers
        self._changes = ThreadPoolExecutor(1, f"write-{table.name}")
        self._versions = versions
        self._reader = Reader(table, identity)
        self._writer = Writer(table, identity, self._reader)
        self._closed = False

    @property
    def info(self) -> CollectionInfo:
        return self.identity.info

    @property
    def is_closed(self) -> bool:
        return self._closed

    def version(self) -> str:
        return self._versions.get(self.info.name)

    async def sources(self) -> Mapping[str, Source]:
        found = await self._read(lambda: self._table.find(f"kind == {rows.SOURCE}", ("about",)))
        return {source.name: source for source in map(rows.source_of, found)}

    async def replace(self, source: Source, passages: Sequence[Passage], vectors: Vectors) -> None:
        await self.replace_all([source], [each._replace(source=source.name) for each in passages], vectors)

    async def replace_all(self, sources: Sequence[Source], passages: Sequence[Passage], vectors: Vectors) -> None:
        fitted = fitting(self.info, vectors, len(passages))
        await self._write(lambda: self._writer.replace(sources, passages, fitted))

    async def remove(self, sources: Several[str]) -> int:
        return await self._write(lambda: self._writer.remove(sources))

    async def upsert(self, passages: Sequence[Passage], vectors: Vectors, *, only_new: bool = False) -> Sequence[bool]:
        fitted = fitting(self.info, vectors, len(passages))
        return await self._write(lambda: self._writer.upsert(passages, fitted, only_new))

    async def delete(self, ids: Several[str], partition: str = DEFAULT, *, everything: bool = False) -> int:
        return await self._write(lambda: self._writer.delete(ids, partition, everything))

    async def fetch(self, ids: Sequence[str], partition: str = DEFAULT) -> Mapping[str, tuple[Passage, Vectors]]:
        found = await self._read(lambda: self._fetch(ids, partition))
        return {passage.id: (passage, _vector(row)) for row in found for passage in (rows.passage_of(row),)}

    async def first(self, top: int, partition: str = DEFAULT, where: Condition | None = None) -> Sequence[Passage]:
        """Looks at MOST_ROWS passages at most, because Milvus does not sort and returns no more in one call."""
        condition = self._where(partition, None, where)
        fields = (*NEEDED, "number", *rows.SHOWN)
        found = await self._read(
            lambda: self._reader.believed(lambda more: self._table.some(condition + more, fields, MOST_ROWS))
        )
        return [rows.passage_of(row) for row in sorted(found, key=_number)[:top]]

    async def partitions(self) -> Mapping[str, int]:
        return await self._read(self._partitions)

    async def create_partition(self, name: str) -> bool:
        return await self._write(lambda: self._writer.create_partition(name))

    async def drop_partition(self, name: str) -> bool:
        return await self._write(lambda: self._writer.drop_partition(name))

    async def search(self, query: Query) -> Candidates:
        if query.vector is None:
            await self._read(lambda: self._reader.named(()))
            return Candidates()
        vector = fitting(self.info, query.vector.reshape(1, -1), 1)[0]
        where = self._where(query.partition, query.language, query.where)
        found = await self._read(
            lambda: self._reader.believed(lambda more: self._table.search(vector, where + more, query.top, NEEDED))
        )
        return Candidates([Near(row["key"], row["distance"]) for row in found])

    async def passages(self, keys: Sequence[int]) -> Mapping[int, Passage]:
        found = await self._read(lambda: self._table.get(keys, ("kind", *rows.SHOWN)))
        return {key: rows.passage_of(row) for key, row in found.items() if row["kind"] == rows.PASSAGE}

    async def vectors(self, keys: Sequence[int]) -> Mapping[int, Vectors]:
        found = await self._read(lambda: self._table.get(keys, ("kind", "vector")))
        return {key: _vector(row) for key, row in found.items() if row["kind"] == rows.PASSAGE}

    async def sample(self, most: int, language: Language | None = None, partition: str = DEFAULT) -> Vectors:
        found = await self._read(lambda: self._sample(most, self._where(partition, language)))
        return np.array([row["vector"] for row in found], np.float32).reshape(-1, self.info.dimension)

    async def of_source(self, source: str) -> Sequence[Passage]:
        where = f"{_PASSAGES} and origin == {self.identity.origin(source)}"
        fields = (*NEEDED, "number", *rows.SHOWN)
        found = await self._read(lambda: self._reader.believed(lambda more: self._table.find(where + more, fields)))
        return [rows.passage_of(row) for row in sorted(found, key=_number)]

    async def stats(self) -> Stats:
        return await self._read(self._stats)

    async def tidy(self) -> None:
        await self._write(self._writer.tidy)

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._changes.shutdown)

    def _where(self, partition: str, language: Language | None, condition: Condition | None = None) -> str:
        parts = [_PASSAGES, f"partition == {self.identity.partition(partition)}"]
        if language is not None:
            parts.append(f"language == {LANGUAGES.index(language)}")
        if condition is not None:
            parts.append(clause(condition))
        return " and ".join(parts)

    def _fetch(self, ids: Sequence[str], partition: str) -> list[Row]:
        keys = self._writer.there({self.identity.place(partition, each) for each in ids})
        return list(self._table.get((each[0] for each in keys.values()), (*rows.SHOWN, "vector")).values())

    def _sample(self, most: int, where: str) -> Sequence[Row]:
        """Keys are random numbers, so that any rows are a fair choice; of these, some that stand far apart."""
        found = self._table.some(where, ("origin", "number"), _SPREAD * most)
        found.sort(key=lambda row: (row["origin"], row["number"]))
        chosen = {found[at]["key"] for at in np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int)}
        return list(self._table.get(chosen, ("vector",)).values())

    def _stats(self) -> Stats:
        languages: dict[str, int] = {
            name: self._table.count(f"{_PASSAGES} and language == {n}") for n, name in enumerate(LANGUAGES)
        }
        return Stats(
            sum(languages.values()),
            self._table.count(f"kind == {rows.SOURCE}"),
            languages,
            {name: count for name, count in self._partitions().items() if count},
            (self._table.kind(),),
        )

    def _partitions(self) -> dict[str, int]:
        names = {row["about"]["name"] for row in self._table.find(f"kind == {rows.PARTITION}", ("about",))}
        return {name: self._table.count(self._where(name, None)) for name in sorted({DEFAULT} | names)}

    async def _read(self, job: Callable[[], T]) -> T:
        self._refuse_closed()
        return await asyncio.get_running_loop().run_in_executor(self._readers, job)

    async def _write(self, job: Callable[[], T]) -> T:
        self._refuse_closed()
        return await asyncio.get_running_loop().run_in_executor(self._changes, self._write_now, job)

    def _write_now(self, job: Callable[[], T]) -> T:
        try:
            return job()
        finally:
            self._versions.changed(self.info.name)

    def _refuse_closed(self) -> None:
        if self._closed:
            raise RetrievalError(f"the collection {self.info.name} has been closed")


def _number(row: Row) -> int:
    return int(row["number"])


def _vector(row: Row) -> Vectors:
    return np.array(row["vector"], np.float32)

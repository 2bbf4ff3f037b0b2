"""Changes of a collection in Milvus, which has no transactions.

Rule: a change first writes a row that says that it is under way, and removes it last. New passages of a source get a
generation of their own, and readers ignore them until the row of the source names this generation: that single write is
the change. Ignored rows are deleted afterwards or, if this process is killed, by a later `tidy`."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Collection as Several
from typing import TYPE_CHECKING

from aigw.core.retrieval import DEFAULT, Passage, RetrievalError, Source
from aigw.stores.milvus import rows
from aigw.stores.milvus.reading import NEEDED, Reader
from aigw.stores.milvus.rows import Identity, Row
from aigw.stores.milvus.table import MOST_ROWS, Table, among, numbers

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

ABANDONED_SECONDS = 3600.0
"""A change that is under way for longer was killed."""
_BEGUN_SECONDS = 60.0
_PASSAGES = f"kind == {rows.PASSAGE}"


class Writer:
    """Changes one collection. One thread at a time. `now` is in seconds since 1970."""

    def __init__(self, table: Table, identity: Identity, reader: Reader, now: Callable[[], float] = time.time) -> None:
        self._table = table
        self._identity = identity
        self._reader = reader
        self._now = now

    def replace(self, sources: Sequence[Source], passages: Sequence[Passage], vectors: Vectors) -> None:
        """Each source changes as a whole; of several, some may change a moment before the others."""
        origins, generation = [self._identity.origin(each.name) for each in sources], rows.new_number()
        last = list({(each.partition, each.id): number for number, each in enumerate(passages)}.values())
        new = self._rows([passages[number] for number in last], vectors[last], generation)
        counts = Counter(row["origin"] for row in new)
        named = [
            rows.source_row(self._identity, source._replace(passages=counts[origin]), generation)
            for source, origin in zip(sources, origins, strict=True)
        ]
        self._reader.named([])
        with self._change(origins, generation):
            began = self._now()
            self._register(passages)
            self._table.insert(new)
            if self._now() - began > ABANDONED_SECONDS / 2:
                raise RetrievalError("writing took so long that it may have been taken for abandoned; try again")
            self._table.put(named)
            self._oust([row["place"] for row in new], f"not ({among('origin', origins)})")

    def remove(self, sources: Several[str]) -> int:
        origins = {self._identity.origin(name) for name in sources}
        there = list(self._reader.named(origins))
        if there:
            with self._change(there):
                self._table.delete(there)
        return len(there)

    def upsert(self, passages: Sequence[Passage], vectors: Vectors, only_new: bool) -> list[bool]:
        places = [self._identity.place(each.partition, each.id) for each in passages]
        there = self.there(places) if only_new else {}
        order = enumerate(places) if not only_new else reversed(list(enumerate(places)))
        chosen = sorted({place: number for number, place in order if place not in there}.values())
        new = self._rows([passages[number] for number in chosen], vectors[chosen])
        if new:
            self._reader.named([])
            with self._change():
                self._register(passages)
                self._table.put(new)
                self._oust([places[number] for number in chosen], "origin > 0")
        put = set(chosen) if only_new else set(range(len(places)))
        return [number in put for number in range(len(places))]

    def delete(self, ids: Several[str], partition: str, everything: bool) -> int:
        if everything:
            where = f"{_PASSAGES} and partition == {self._identity.partition(partition)}"
            gone = [row["key"] for row in self._believed(where)]
        else:
            places = self.there({self._identity.place(partition, each) for each in ids})
            gone = [key for keys in places.values() for key in keys]
        if gone:
            with self._change():
                self._table.delete(gone)
        return len(gone)

    def create_partition(self, name: str) -> bool:
        if name == DEFAULT or self._has_partition(name):
            return False
        with self._change():
            self._table.put([rows.partition_row(self._identity, name)])
        return True

    def drop_partition(self, name: str) -> bool:
        if name != DEFAULT and not self._has_partition(name):
            return False
        with self._change():
            self._table.delete([self._identity.partition(name)])
            self._table.delete_where(f"{_PASSAGES} and partition == {self._identity.partition(name)}")
        return True

    def there(self, places: Several[int]) -> dict[int, list[int]]:
        """The keys of the passages at these places."""
        found: dict[int, list[int]] = {}
        for some in numbers(places):
            where = f"{_PASSAGES} and {among('place', some)}"
            for row in self._believed(where, "place"):
                found.setdefault(row["place"], []).append(row["key"])
        return found

    def tidy(self) -> None:
        """Ends the changes that were killed."""
        old = self._now() - ABANDONED_SECONDS
        changes = self._table.find(f"kind == {rows.CHANGE}", ("about", "origin"))
        abandoned = [row for row in changes if row["about"]["at"] < old]
        if abandoned:
            self._sweep({row["origin"] for row in abandoned} - {0}, {row["key"] for row in abandoned})
            self._table.put([rows.head_row(self._identity)])
            self._table.delete(row["key"] for row in abandoned)

    def _believed(self, where: str, *fields: str) -> Sequence[Row]:
        return self._reader.believed(lambda more: self._table.find(where + more, (*NEEDED, *fields)))

    @contextlib.contextmanager
    def _change(self, origins: Sequence[int] = (), generation: int = 0) -> Iterator[None]:
        """The block makes the change. After it, the collection gets another version, and rows that nobody believes any
        more are deleted."""
        marks = [
            rows.change_row(self._identity, rows.new_number(), origin, generation, self._now())
            for origin in origins or (0,)
        ]
        keys = [row["key"] for row in marks]
        self._table.put(marks)
        try:
            yield
            self._table.put([rows.head_row(self._identity)])
        finally:
            with contextlib.suppress(RetrievalError):  # then `tidy` will
                self._sweep(origins, keys)
                self._table.delete(keys)

    def _sweep(self, origins: Several[int], own: Several[int]) -> None:
        """Deletes the generations of these sources that are neither named nor coming. Those that are there are read
        first: whatever comes later is not touched."""
        for some in numbers(origins):
            where = among("origin", some)
            found = self._table.find(f"{_PASSAGES} and {where}", NEEDED)
            changes = self._table.find(f"kind == {rows.CHANGE} and {where}", NEEDED)
            kept = {row["generation"] for row in changes if row["key"] not in own}
            kept |= set(self._reader.named(some).values())
            for dead in numbers({row["generation"] for row in found} - kept):
                self._table.delete_where(f"{_PASSAGES} and {where} and {among('generation', dead)}")

    def _oust(self, places: Sequence[int], whose: str) -> None:
        """Deletes what others have at these places: an id is there once in a partition."""
        for some in numbers(places):
            where = f"{_PASSAGES} and {among('place', some)} and {whose}"
            self._table.delete(row["key"] for row in self._table.find(where, ()))

    def _rows(self, passages: Sequence[Passage], vectors: Vectors, generation: int = 0) -> list[Row]:
        """Makes rows of passages, numbered in their order."""
        first = time.time_ns()
        return [
            rows.passage_row(self._identity, passage, vectors[at], first + at, generation)
            for at, passage in enumerate(passages)
        ]

    def _has_partition(self, name: str) -> bool:
        self._reader.named([])
        return bool(self._table.get([self._identity.partition(name)], ()))

    def _register(self, passages: Sequence[Passage]) -> None:
        """Names of partitions are only numbers elsewhere; the default one has no row."""
        names = {each.partition for each in passages} - {DEFAULT}
        self._table.put([rows.partition_row(self._identity, name) for name in sorted(names)])


def version(table: Table, now: float) -> str:
    """Returns a text that differs after each change. While a change has just begun, each call returns another text,
    because the change may become visible at any moment. Raises NoCollectionError."""
    found = table.some(f"kind in [{rows.CHANGE}, {rows.HEAD}]", ("about",), MOST_ROWS)
    stamp = "".join(row["about"]["stamp"] for row in found if row["key"] == rows.HEAD_KEY)
    under_way = [row for row in found if row["key"] != rows.HEAD_KEY]
    moment = [str(now)] if any(row["about"]["at"] > now - _BEGUN_SECONDS for row in under_way) else []
    return ".".join([stamp, *sorted(str(row["key"]) for row in under_way), *moment])

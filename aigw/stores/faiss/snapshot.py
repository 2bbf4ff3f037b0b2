"""The contents of a collection at one moment, for searches by vector: its segments, and which of their rows are alive.

Rule: a snapshot never changes, and many searches share it. After a change of the manifest a new one is made, which
reuses the segments that still exist."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aigw.core.retrieval import Language, Near, RetrievalError
from aigw.stores.faiss import manifest
from aigw.stores.faiss.manifest import LANGUAGES, Head
from aigw.stores.faiss.segments import Allowed, Segment, SegmentFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aigw.core.retrieval import CollectionInfo, Vectors

_KEPT = 64
"""For how many pairs of partition and language the rows are remembered."""


class Part:
    """A segment, and which of its rows are alive (None: all)."""

    def __init__(self, segment: Segment, alive: NDArray[np.bool_] | None) -> None:
        self.segment = segment
        self.alive = alive
        self.count = segment.said.rows if alive is None else int(np.count_nonzero(alive))
        self._allowed: dict[tuple[int, int | None], Allowed | None] = {}

    @property
    def keys(self) -> NDArray[np.int64]:
        """Returns the keys of the rows that are alive."""
        return self.segment.keys if self.alive is None else self.segment.keys[self.alive]

    def chosen(self, partition: int, language: int | None) -> NDArray[np.bool_]:
        """Returns which rows are alive and in this partition and language (None: any language)."""
        chosen: NDArray[np.bool_] = self.segment.partitions == partition
        if self.alive is not None:
            chosen &= self.alive
        if language is not None:
            chosen &= self.segment.languages == language
        return chosen

    def allowed(self, partition: int, language: int | None) -> Allowed | None:
        """Returns the rows of `chosen` in the form that a search takes, None if they are all rows. The result is
        remembered."""
        wanted = (partition, language)
        if wanted not in self._allowed:
            if len(self._allowed) >= _KEPT:
                self._allowed.clear()
            chosen = self.chosen(partition, language)
            self._allowed[wanted] = None if chosen.all() else Allowed.of(chosen)
        return self._allowed[wanted]

    def narrowed(self, partition: int, language: int | None, keys: NDArray[np.int64]) -> Allowed:
        """Returns the rows of `chosen` that have one of these keys, which are sorted."""
        chosen = np.zeros(self.segment.said.rows, np.bool_)
        chosen[self.rows(keys)] = True
        return Allowed.of(chosen & self.chosen(partition, language))

    def rows(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of those keys that are alive here. The keys are in order."""
        at = np.minimum(np.searchsorted(self.segment.keys, keys), len(self.segment.keys) - 1)
        at = at[self.segment.keys[at] == keys]
        rows: NDArray[np.int64] = at if self.alive is None else at[self.alive[at]]
        return rows


class Snapshot:
    def __init__(self, head: Head, partitions: dict[str, int], parts: Sequence[Part]) -> None:
        self.head = head
        self.partitions = partitions
        """The numbers of partitions, by their names."""
        self.parts = parts

    @property
    def is_exact(self) -> bool:
        """Whether vectors are kept exactly as they came."""
        return all(part.segment.said.kind == "flat" for part in self.parts)

    def search(
        self, vector: Vectors, top: int, partition: str, language: Language | None, among: NDArray[np.int64] | None
    ) -> list[Near]:
        """The nearest of those in the partition, and among these keys (None: any; else in order)."""
        import faiss

        number = self.partitions.get(partition)
        if number is None:
            return []
        faiss.omp_set_num_threads(1)  # one search is quick; many run at the same time
        code = None if language is None else LANGUAGES.index(language)
        found = []
        for part in self.parts:
            allowed = part.allowed(number, code) if among is None else part.narrowed(number, code, among)
            found.append(part.segment.search(vector, top, allowed))
        if not found:
            return []
        scores = np.concatenate([scores for scores, _ in found])
        keys = np.concatenate([keys for _, keys in found])
        first = np.lexsort((keys, scores if self.head.info.metric == "euclidean" else -scores))[:top]
        return [Near(key, score) for key, score in zip(keys[first].tolist(), scores[first].tolist(), strict=True)]

    def vectors(self, keys: Sequence[int]) -> dict[int, Vectors]:
        """Returns the kept vectors of passages, which may be compressed."""
        wanted = np.sort(np.fromiter(keys, np.int64))
        found: dict[int, Vectors] = {}
        for part in self.parts:
            rows = part.rows(wanted)
            if len(rows):
                found |= dict(zip(part.segment.keys[rows].tolist(), part.segment.vectors(rows), strict=True))
        return found

    def sample(self, most: int, language: Language | None, partition: str) -> Vectors:
        """Returns the vectors of at most `most` rows, spread evenly over all rows of the partition and the language."""
        number = self.partitions.get(partition, -1)
        code = None if language is None else LANGUAGES.index(language)
        allowed = [np.flatnonzero(part.chosen(number, code)) for part in self.parts]
        step = max(1, -(-sum(map(len, allowed)) // most))
        found = [
            part.segment.vectors(rows[::step]) for part, rows in zip(self.parts, allowed, strict=True) if len(rows)
        ]
        return np.concatenate(found)[:most] if found else np.empty((0, self.head.info.dimension), np.float32)

    @cached_property
    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """How many passages there are in each language, and in each partition."""
        languages = np.zeros(len(LANGUAGES), np.int64)
        partitions = np.zeros(max(self.partitions.values(), default=0) + 1, np.int64)
        for part in self.parts:
            alive = slice(None) if part.alive is None else part.alive
            languages += np.bincount(part.segment.languages[alive], minlength=len(languages))
            partitions += np.bincount(part.segment.partitions[alive], minlength=len(partitions))
        by_language: dict[str, int] = dict(zip(LANGUAGES, languages.tolist(), strict=True))
        by_partition = {name: int(partitions[number]) for name, number in self.partitions.items() if partitions[number]}
        return by_language, by_partition


def load(connection: sqlite3.Connection, folder: Path, name: str, known: Snapshot | None) -> Snapshot:
    """Reads the present state, inside a transaction. Parts that `known` has already are used again."""
    head = manifest.head(connection, name)
    if head.rules != manifest.RULES:
        raise RetrievalError(
            f"the collection {name} was written by other rules (format {head.rules}, this aigw has {manifest.RULES}); "
            f"`aigw rag reindex -n {name}` writes it anew"
        )
    if known is not None and _place(known.head) == _place(head):
        return known
    segments = {} if known is None else {part.segment.said.file: part.segment for part in known.parts}
    dead = dict(connection.execute("SELECT segment, bits FROM segment_dead"))
    parts = []
    for row in connection.execute("SELECT * FROM segments ORDER BY number").fetchall():
        said = SegmentFile(*row)
        segment = segments.get(said.file) or _segment(connection, folder, head.info, said)
        parts.append(Part(segment, _alive(dead.get(said.number), said.rows)))
    return Snapshot(head, manifest.partitions(connection), parts)


def bits_of(dead: NDArray[np.bool_]) -> bytes:
    return np.packbits(dead, bitorder="little").tobytes()


def _place(head: Head) -> tuple[str, int, int]:
    return head.incarnation, head.changes, head.layout


def _segment(connection: sqlite3.Connection, folder: Path, info: CollectionInfo, said: SegmentFile) -> Segment:
    keys, languages, partitions = connection.execute(
        "SELECT keys, languages, partitions FROM segment_rows WHERE segment = ?", (said.number,)
    ).fetchone()
    return Segment(
        folder, info.name, said, info.metric,
        np.frombuffer(keys, "<i8"), np.frombuffer(languages, np.uint8), np.frombuffer(partitions, "<i4"),
    )  # fmt: skip


def _alive(bits: bytes | None, rows: int) -> NDArray[np.bool_] | None:
    if bits is None:
        return None
    alive: NDArray[np.bool_] = np.unpackbits(np.frombuffer(bits, np.uint8), count=rows, bitorder="little") == 0
    return alive

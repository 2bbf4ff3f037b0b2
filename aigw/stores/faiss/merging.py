"""Merges segments, so that few are searched, and those with many dead rows are written anew.

Rule: a merge changes where vectors are, never what a collection holds. Each segment that remains is larger than all
smaller ones together, so that a vector is written again only as often as the collection doubles."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aigw.stores.faiss import segments
from aigw.stores.faiss.changes import add_segment, drop_segment, transaction
from aigw.stores.faiss.snapshot import Part, Snapshot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aigw.core.retrieval import Vectors

MOST_PARTS = 16
"""A change that leaves more segments than this merges small ones at once."""
SMALL_ROWS = 50_000
"""The largest segment that such a merge makes: it takes a tenth of a second."""
_TINY_ROWS = 2_000
"""Segments that are smaller than this are always worth a merge."""
_DEAD_SHARE = 0.3
_BLOCK_ROWS = 16_384
_SAMPLE_ROWS = 131_072


def due(parts: Sequence[Part], most_rows: float = float("inf")) -> list[Part]:
    """The segments that should become one, [] if all is well."""
    ordered = sorted(parts, key=lambda part: part.count)
    chosen, rows = 0, 0
    for place, part in enumerate(ordered):
        if rows + part.count > most_rows:
            break
        if place and (rows >= part.count or part.count < _TINY_ROWS):
            chosen = place + 1
        rows += part.count
    if chosen:
        return ordered[:chosen]
    return [each for each in ordered if _is_mostly_dead(each) and each.count <= most_rows][:1]


def merge(connection: sqlite3.Connection, folder: Path, now: Snapshot, parts: Sequence[Part]) -> None:
    """Puts one segment in the place of several. Whoever calls it holds the lock of the collection."""
    keys = np.sort(np.concatenate([part.keys for part in parts]))
    rows = _rows(parts, keys)
    draw = np.random.default_rng(0).permutation(len(keys))[:_SAMPLE_ROWS]
    said = segments.write(
        folder, now.head.info.metric, len(keys), lambda: _blocks(parts, keys), _vectors(parts, keys[np.sort(draw)])
    )
    try:
        with transaction(connection):
            for part in parts:
                drop_segment(connection, part.segment.said.number)
            add_segment(connection, said, (keys, *rows))
            connection.execute("UPDATE collection SET layout = layout + 1")
    except BaseException:
        segments.remove(folder, [said.file])
        raise
    segments.remove(folder, [part.segment.said.file for part in parts])


def tidy(
    connection: sqlite3.Connection, folder: Path, snapshot: Callable[[], Snapshot], most_rows: float = float("inf")
) -> None:
    """Merges until all is well."""
    while parts := due((now := snapshot()).parts, most_rows):
        merge(connection, folder, now, parts)


def _is_mostly_dead(part: Part) -> bool:
    return part.count < (1 - _DEAD_SHARE) * part.segment.said.rows


def _blocks(parts: Sequence[Part], keys: NDArray[np.int64]) -> Iterator[Vectors]:
    for start in range(0, len(keys), _BLOCK_ROWS):
        yield _vectors(parts, keys[start : start + _BLOCK_ROWS])


def _vectors(parts: Sequence[Part], keys: NDArray[np.int64]) -> Vectors:
    """The vectors of these keys, which are in order."""
    found: Vectors | None = None
    for part in parts:
        rows = part.rows(keys)
        if len(rows):
            vectors = part.segment.vectors(rows)
            found = np.empty((len(keys), vectors.shape[1]), np.float32) if found is None else found
            found[np.searchsorted(keys, part.segment.keys[rows])] = vectors
    assert found is not None
    return found


def _rows(parts: Sequence[Part], keys: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """The languages and the partitions of these keys, which are in order."""
    languages = np.empty(len(keys), np.uint8)
    partitions = np.empty(len(keys), np.int32)
    for part in parts:
        rows = part.rows(keys)
        at = np.searchsorted(keys, part.segment.keys[rows])
        languages[at] = part.segment.languages[rows]
        partitions[at] = part.segment.partitions[rows]
    return languages, partitions

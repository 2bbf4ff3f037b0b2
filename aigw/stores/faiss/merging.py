"""Merges segments, so that searches look at few of them, and rewrites those with many dead rows.

Rule: a merge changes where vectors are, never the contents of a collection. Each remaining segment is larger than all
smaller ones together, so that a vector is rewritten only each time that the collection doubles."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from aigw.stores.faiss import building, segments
from aigw.stores.faiss.building import BLOCK_ROWS, SAMPLE_ROWS
from aigw.stores.faiss.changes import add_segment, drop_segment, transaction
from aigw.stores.faiss.segments import SegmentFile
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


class Merged(NamedTuple):
    """A segment in a file, of which the manifest does not know yet, and those in whose place it comes."""

    said: SegmentFile
    parts: Sequence[Part]
    keys: NDArray[np.int64]
    languages: NDArray[np.uint8]
    partitions: NDArray[np.int32]


class StoppedError(Exception):
    """The merge is no longer wanted."""


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


def build(folder: Path, parts: Sequence[Part], stopped: threading.Event) -> Merged:
    """Writes what is alive of some segments into one file. Needs no lock: nothing names the file yet."""
    keys = np.sort(np.concatenate([part.keys for part in parts]))
    draw = np.random.default_rng(0).permutation(len(keys))[:SAMPLE_ROWS]
    sample = _vectors(parts, keys[np.sort(draw)])
    said = building.write(folder, parts[0].segment.metric, len(keys), lambda: _blocks(parts, keys, stopped), sample)
    return Merged(said, parts, keys, *_rows(parts, keys))


def put(connection: sqlite3.Connection, folder: Path, now: Snapshot, merged: Merged) -> bool:
    """Puts one segment in the place of several. What died since then is dead in it. Returns False, and deletes the
    file, if another merge was faster. Whoever calls it holds the lock of the collection."""
    numbers = {part.segment.said.number for part in merged.parts}
    old = [part for part in now.parts if part.segment.said.number in numbers]
    if len(old) < len(numbers):
        segments.remove(folder, [merged.said.file])
        return False
    alive = np.isin(merged.keys, np.concatenate([part.keys for part in old]))
    try:
        with transaction(connection):
            for number in numbers:
                drop_segment(connection, number)
            add_segment(connection, merged.said, (merged.keys, merged.languages, merged.partitions), ~alive)
            connection.execute("UPDATE collection SET layout = layout + 1")
    except BaseException:
        segments.remove(folder, [merged.said.file])
        raise
    segments.remove(folder, [part.segment.said.file for part in old])
    return True


def _is_mostly_dead(part: Part) -> bool:
    return part.count < (1 - _DEAD_SHARE) * part.segment.said.rows


def _blocks(parts: Sequence[Part], keys: NDArray[np.int64], stopped: threading.Event) -> Iterator[Vectors]:
    for start in range(0, len(keys), BLOCK_ROWS):
        if stopped.is_set():
            raise StoppedError
        yield _vectors(parts, keys[start : start + BLOCK_ROWS])


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

"""Reads from a collection: each function is one query, inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aigw.core.retrieval import Candidates, Condition, Near, Passage, Query, Source, Stats
from aigw.stores.collections import fitting
from aigw.stores.faiss import changes, conditions, manifest, words
from aigw.stores.faiss.snapshot import Snapshot

if TYPE_CHECKING:
    from aigw.core.retrieval import Language, Vectors

Narrowed = tuple[str, Sequence[object]]
"""A condition on passages, "" for none, and its parameters."""
_MORE = 2
"""How many times as many candidates as wanted are compared again by their exact vectors."""


def sources(connection: sqlite3.Connection) -> dict[str, Source]:
    found = connection.execute(
        """SELECT name, digest, size, title, coalesce(passages, 0), at FROM sources
            LEFT JOIN (SELECT source, count(*) AS passages FROM passages GROUP BY source) ON source = name"""
    )
    return {row[0]: Source(*row) for row in found}


def fetch(
    connection: sqlite3.Connection, now: Snapshot, ids: Sequence[str], partition: str
) -> dict[str, tuple[Passage, Vectors]]:
    keys = list(changes.keys_at(connection, now, {(partition, each) for each in ids}).values())
    passages = manifest.passages(connection, *manifest.among(keys))
    found = vectors(connection, now, keys)
    return {passage.id: (passage, found[key]) for key, passage in passages.items()}


def vectors(connection: sqlite3.Connection, now: Snapshot, keys: Sequence[int]) -> dict[int, Vectors]:
    """Returns vectors: exact ones if clients brought them, otherwise those in the segments, which may be compressed."""
    return now.vectors(keys) if now.head.info.embedder else manifest.vectors(connection, keys)


def first(
    connection: sqlite3.Connection, now: Snapshot, top: int, partition: str, where: Condition | None
) -> Sequence[Passage]:
    text, bound = ("1", []) if where is None else conditions.clause(where)
    chosen = f"key IN (SELECT key FROM passages WHERE partition = ? AND {text} ORDER BY key LIMIT ?)"  # noqa: S608
    return list(manifest.passages(connection, chosen, [now.partitions.get(partition, 0), *bound, top]).values())


def stats(connection: sqlite3.Connection, now: Snapshot, folder: Path) -> Stats:
    (number,) = connection.execute("SELECT count(*) FROM sources").fetchone()
    languages, partitions = now.counts
    size = sum(map(_size, folder.iterdir()))
    kinds = [part.segment.said.kind for part in now.parts]
    return Stats(sum(languages.values()), number, languages, partitions, kinds, size)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # a file that was being written has its name now, or was merged
        return 0


def search(connection: sqlite3.Connection, now: Snapshot, query: Query) -> Candidates:
    narrowed = _narrowed(now, query)
    near = [] if query.vector is None else _near(connection, now, query, query.vector, narrowed)
    terms, pairs = words.terms(query.text), words.pairs(query.text)
    return Candidates(
        near,
        *_words(connection, now, query, "words", terms, narrowed),
        *_words(connection, now, query, "words", pairs, narrowed),
        *_words(connection, now, query, "titles", terms, narrowed),
    )


def _narrowed(now: Snapshot, query: Query) -> Narrowed:
    """The condition that the query makes on passages beside their language."""
    number = now.partitions.get(query.partition, 0)
    if query.where is not None:
        text, bound = conditions.clause(query.where)
        return f"partition = ? AND {text}", [number, *bound]
    return ("", []) if set(now.partitions) <= {query.partition} else ("partition = ?", [number])


def _near(
    connection: sqlite3.Connection, now: Snapshot, query: Query, vector: Vectors, narrowed: Narrowed
) -> Sequence[Near]:
    info = now.head.info
    asked = changes.unit(info, fitting(info, vector.reshape(1, -1), 1))[0]
    among = None
    if query.where is not None:
        found = connection.execute(f"SELECT key FROM passages WHERE {narrowed[0]} ORDER BY key", narrowed[1])  # noqa: S608
        among = np.fromiter((key for (key,) in found), np.int64)
    if info.embedder or now.is_exact:
        return now.search(asked, query.top, query.partition, query.language, among)
    near = now.search(asked, _MORE * query.top, query.partition, query.language, among)
    return _judged(connection, now, asked, [each.key for each in near])[: query.top]


def _judged(connection: sqlite3.Connection, now: Snapshot, asked: Vectors, keys: Sequence[int]) -> Sequence[Near]:
    """Candidates with the scores of the vectors that clients brought, the nearest first."""
    brought = manifest.vectors(connection, keys)
    if not brought:
        return []
    rows = changes.unit(now.head.info, np.stack(list(brought.values())))
    far = now.head.info.metric == "euclidean"
    scores = ((rows - asked) ** 2).sum(axis=1) if far else rows @ asked
    order = np.argsort(scores if far else -scores, kind="stable")
    numbers = list(brought)
    return [Near(numbers[at], float(scores[at])) for at in order]


def _words(
    connection: sqlite3.Connection, now: Snapshot, query: Query, part: words.Part, terms: Sequence[str],
    narrowed: Narrowed,
) -> tuple[Sequence[tuple[int, float]], float]:  # fmt: skip
    """Returns the passages with some of these words, and the mass of the words."""
    if not terms:
        return (), 0.0
    languages: Sequence[Language] = manifest.LANGUAGES if query.language is None else (query.language,)
    found: list[tuple[int, float]] = []
    masses = []
    for language in languages:
        table = words.table(part, language)
        counted = words.counts(connection, table, terms)
        found += words.best(connection, table, counted, query.top, *narrowed)
        masses.append(words.mass(counted, now.counts[0][language]))
    return sorted(found, key=lambda each: -each[1])[: query.top], max(masses)

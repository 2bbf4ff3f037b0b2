"""Segments merge by themselves, and nothing but their places changes."""

import asyncio
import contextlib
import threading

import numpy as np
import pytest
from collection_contract import DIMENSION, info, passage

from aigw.core.retrieval import Passage, Query
from aigw.stores.faiss import manifest, merging
from aigw.stores.faiss.collections import FaissCollections
from aigw.stores.faiss.snapshot import load
from aigw.stores.sqlite_file import open_for_writing


class FakePart:
    def __init__(self, count, rows=None):
        self.count = count
        self.segment = self
        self.said = self
        self.rows = rows or count


@pytest.mark.parametrize(
    ("counts", "merged"),
    [
        ([], []),
        ([5], []),
        ([5, 5], [5, 5]),
        ([10_000, 100, 10], [10, 100]),
        ([100_000, 40_000, 10_000], []),
        ([100_000, 50_000, 20_000, 5_000], []),
        ([100_000, 60_000, 30_000, 30_000], [30_000, 30_000, 60_000, 100_000]),
    ],
)
def test_what_is_merged(counts, merged):
    assert [part.count for part in merging.due([FakePart(count) for count in counts])] == merged


def test_what_is_mostly_dead_is_written_anew():
    parts = [FakePart(100_000), FakePart(30_000, rows=50_000)]
    assert merging.due(parts) == [parts[1]]
    assert merging.due(parts, 20_000) == []


def test_a_quick_merge_stays_small():
    parts = [FakePart(3_000) for _ in range(20)]
    assert len(merging.due(parts, 50_000)) == 16


@pytest.fixture
async def docs(tmp_path):
    collections = FaissCollections(tmp_path)
    yield await collections.create(info())
    await collections.aclose()


async def fill(docs, rounds):
    draw = np.random.default_rng(0)
    for number in range(rounds):
        passages = [
            passage(f"{number}-{each}", "word", partition="even" if number % 2 else "default") for each in range(3)
        ]
        await docs.upsert(passages, draw.standard_normal((3, DIMENSION), np.float32))
        await docs.delete([f"{number}-0"])


async def test_they_merge_by_themselves(docs, tmp_path):
    await fill(docs, 60)
    kinds = (await docs.stats()).kinds
    assert 1 <= len(kinds) <= merging.MOST_PARTS
    assert len(list((tmp_path / "docs").glob("*.faiss"))) == len(kinds)


async def test_a_merge_changes_nothing_but_places(docs, tmp_path):
    await fill(docs, 15)
    queries = [
        Query(np.eye(DIMENSION, dtype=np.float32)[number], "word", partition=name)
        for number in range(8)
        for name in ("default", "even")
    ]
    version, before = docs.version(), [await docs.search(query) for query in queries]
    await docs.tidy()
    assert len((await docs.stats()).kinds) == 1
    assert docs.version() == version
    assert [await docs.search(query) for query in queries] == before
    assert len(list((tmp_path / "docs").glob("*.faiss"))) == 1
    assert (await docs.stats()).partitions == {"default": 16, "even": 21}


@pytest.mark.parametrize("asked", [False, True])
async def test_large_ones_merge_in_the_background(docs, asked):
    half = merging.SMALL_ROWS // 2 + 5
    draw = np.random.default_rng(0)
    for number in range(2):
        passages = [Passage(f"{number}-{each}", "") for each in range(half)]
        await docs.upsert(passages, draw.standard_normal((half, DIMENSION), np.float32))
    assert await docs.delete(["0-5", "1-5"]) == 2, "nobody waits for a merge"
    if asked:
        await docs.tidy()
        assert (await docs.stats()).kinds == ["sq8"], "who asks for it waits for what is under way"
    async with asyncio.timeout(60):
        while (stats := await docs.stats()).kinds != ["sq8"]:
            pass
    assert stats.passages == 2 * half - 2
    assert "0-5" not in await docs.fetch(["0-5", "0-6"])


async def test_what_changes_during_a_merge(docs, tmp_path):
    await fill(docs, 4)
    folder = tmp_path / "docs"
    connection = open_for_writing(folder / "manifest.sqlite", manifest.format_of("docs"))
    before = load(connection, folder, "docs", None)
    first, second = (merging.build(folder, before.parts, threading.Event()) for _ in range(2))
    assert first.said.kind == "flat"
    await docs.delete(["1-1"], "even")
    await docs.upsert([passage("late")], np.eye(DIMENSION, dtype=np.float32)[:1])
    now = load(connection, folder, "docs", before)
    assert merging.put(connection, folder, now, first) is True
    assert merging.put(connection, folder, load(connection, folder, "docs", now), second) is False, "another was faster"
    connection.close()
    assert await docs.fetch(["1-1"], "even") == {}
    assert (await docs.stats()).passages == 10
    assert len((await docs.search(Query(np.ones(DIMENSION, np.float32), partition="even"))).near) == 5
    assert len(list(folder.glob("*.faiss"))) == 2


async def test_a_merge_is_stopped(docs, tmp_path):
    await fill(docs, 4)
    stopped = threading.Event()
    stopped.set()
    with contextlib.closing(
        open_for_writing(tmp_path / "docs" / "manifest.sqlite", manifest.format_of("docs"))
    ) as opened:
        parts = load(opened, tmp_path / "docs", "docs", None).parts
    with pytest.raises(merging.StoppedError):
        merging.build(tmp_path / "docs", parts, stopped)
    assert len(list((tmp_path / "docs").glob("*.faiss*"))) == 4

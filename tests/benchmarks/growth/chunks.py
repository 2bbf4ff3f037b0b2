"""How the cost of a search grows with the passages of a collection. Vectors and words are made up, so that no model
is needed; words are as frequent as in a language, so that some are in many passages."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aigw.core.retrieval import CollectionInfo, Passage
from aigw.rag.search import search, usual
from aigw.stores.faiss.collections import FaissCollections
from tests.benchmarks import vectors
from tests.benchmarks.growth.table import Growth, Sizes

WORDS = 20
"""Words of a passage."""
VOCABULARY = 50_000
QUESTIONS = 40
COMMONEST = 50
"""So many of the words are stop words, which no question has."""


class MadeUp:
    """An embedder for questions that are numbers of vectors."""

    name = "made up"
    window = 512

    def __init__(self, rows: np.ndarray) -> None:
        self._rows = iter(rows)

    async def dimension(self) -> int:
        return vectors.DIMENSION

    async def embed(self, texts: Sequence[str], purpose: str) -> Any:
        return np.array([next(self._rows) for _ in texts])

    def count(self, text: str) -> int:
        return len(text) // 4


def words(draw: random.Random, number: int, least: int = 1) -> str:
    """The word of rank n comes 1 / n as often as the first one."""
    return " ".join(f"w{int(least * (VOCABULARY / least) ** draw.random())}" for _ in range(number))


def chunks(sizes: Sequence[int], seconds: float) -> Sizes:
    return {str(size): asyncio.run(_chunks(size)) for size in sizes}


async def _chunks(size: int) -> dict[str, float]:
    draw = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        collections = FaissCollections(Path(folder))
        docs = await collections.create(CollectionInfo("docs", vectors.DIMENSION, "made up"))
        *blocks, questions = vectors.vectors(size)
        started = time.perf_counter()
        for passages, block in zip(_passages(draw, [len(block) for block in blocks]), blocks, strict=True):
            await docs.upsert(passages, block)
        await docs.tidy()
        filled = time.perf_counter() - started
        habits, embedder = await usual(docs), MadeUp(questions)
        times, before = [], time.process_time()
        for at in range(QUESTIONS + 2):
            asked = time.perf_counter()
            await search(docs, embedder, words(draw, 6, COMMONEST), 5, habits)
            times.append(time.perf_counter() - asked)
            if at == 1:  # the first ones load what is kept
                times.clear()
                before = time.process_time()
        used = time.process_time() - before
        await collections.aclose()
    return {
        "p50_ms": 1000 * statistics.median(times),
        "cpu_ms": 1000 * used / QUESTIONS,
        "fill_us_a_chunk": 1e6 * filled / size,
    }


def _passages(draw: random.Random, counts: Sequence[int]) -> Iterator[list[Passage]]:
    number = 0
    for count in counts:
        yield [Passage(str(number + at), words(draw, WORDS)) for at in range(count)]
        number += count


CHUNKS = Growth("chunks", chunks, (1_000, 10_000, 100_000, 1_000_000), (1_000, 10_000), ("p50_ms", "cpu_ms"))

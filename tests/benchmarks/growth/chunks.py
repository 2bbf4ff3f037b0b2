"""How the cost of a search grows with the passages of a collection. Vectors and words are made up, so that no model
is needed; words are as frequent as in a language, so that some are in many passages.

Rule: a process fills a collection, and another one searches it, so that its first search and its memory are those of a
gateway that has just started."""

from __future__ import annotations

import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
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
QUESTIONS_FILE = "questions.npy"
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
    found = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            found[str(size)] = {**_run("fill", folder, size), **_run("search", folder, size)}
    return found


def _run(step: str, folder: str, size: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.growth.chunks", step, folder, str(size)]
    said: dict[str, float] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return said


async def fill(folder: Path, size: int) -> dict[str, float]:
    draw = random.Random(1)
    collections = FaissCollections(folder)
    docs = await collections.create(CollectionInfo("docs", vectors.DIMENSION, "made up"))
    started, number = time.perf_counter(), 0
    for block in vectors.vectors(size):
        if number == size:
            np.save(folder / QUESTIONS_FILE, block)
            break
        await docs.upsert([Passage(str(number + at), words(draw, WORDS)) for at in range(len(block))], block)
        number += len(block)
    await docs.tidy()
    filled = time.perf_counter() - started
    await collections.aclose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"fill_us_a_chunk": 1e6 * filled / size, "fill_mib": peak}


async def look(folder: Path) -> dict[str, float]:
    draw = random.Random(2)
    questions = np.load(folder / QUESTIONS_FILE)
    asked = time.perf_counter()
    collections = FaissCollections(folder)
    docs = await collections.get("docs")
    habits, embedder = await usual(docs), MadeUp(questions)
    await search(docs, embedder, words(draw, 6, COMMONEST), 5, habits)
    first = time.perf_counter() - asked
    times, before = [], time.process_time()
    for _ in range(QUESTIONS):
        asked = time.perf_counter()
        await search(docs, embedder, words(draw, 6, COMMONEST), 5, habits)
        times.append(time.perf_counter() - asked)
    used = time.process_time() - before
    await collections.aclose()
    return {
        "p50_ms": 1000 * statistics.median(times),
        "cpu_ms": 1000 * used / QUESTIONS,
        "first_ms": 1000 * first,
        "memory_mib": vectors.resident(),
    }


CHUNKS = Growth(
    "chunks", chunks, (1_000, 10_000, 100_000, 1_000_000), (1_000, 10_000), ("p50_ms", "cpu_ms", "first_ms")
)


def main(step: str, folder: str, size: str) -> None:
    print(json.dumps(asyncio.run(fill(Path(folder), int(size)) if step == "fill" else look(Path(folder)))))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Searches of collections of many vectors of 384 numbers: `python -m tests.benchmarks --only vectors`.

Rule: vectors are made up, in clusters as real ones are. A process fills a collection, and another one searches it, so
that loading and memory are those of a gateway that has just started. One search at a time, in one thread."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from aigw.core.retrieval import CollectionInfo, Passage, Query
from aigw.stores.faiss.collections import FaissCollections

DIMENSION = 384
QUESTIONS = 200
NEAREST = 10
BLOCK = 10_000
CHANGE = 100
"""How many passages come with the change that is timed."""
_ROWS_A_CLUSTER = 200
_SPREAD = 0.7
"""How far the vectors of a cluster are from its centre, as a share of the length."""


def vectors(rows: int) -> Iterator[np.ndarray]:
    """Unit vectors by blocks, and then some questions."""
    draw = np.random.default_rng(1)
    centres = draw.standard_normal((max(1, rows // _ROWS_A_CLUSTER), DIMENSION), np.float32)
    for count in (*[min(BLOCK, rows - start) for start in range(0, rows, BLOCK)], QUESTIONS):
        noise = draw.standard_normal((count, DIMENSION), np.float32)
        block = centres[draw.integers(0, len(centres), count)] + _SPREAD * noise
        yield block / np.linalg.norm(block, axis=1, keepdims=True)


def blocks_of(rows: int) -> Iterator[np.ndarray]:
    """The vectors without the questions."""
    left = rows
    for block in vectors(rows):
        if left:
            yield block
        left -= len(block)


async def fill(folder: Path, rows: int) -> dict[str, float]:
    collections = FaissCollections(folder)
    docs = await collections.create(CollectionInfo("docs", DIMENSION, "made up"))
    start, number = time.monotonic(), 0
    for block in blocks_of(rows):
        await docs.upsert([Passage(str(number + at), "") for at in range(len(block))], block)
        number += len(block)
    filled = time.monotonic()
    await docs.tidy()
    tidied = time.monotonic()
    changes = [await timed(lambda at=at: change(docs, at)) for at in range(10)]
    await docs.delete([f"change-{at}" for at in range(CHANGE)])
    await docs.tidy()
    await collections.aclose()
    return {
        "rows_per_second": round(rows / (filled - start)),
        "tidy_s": round(tidied - filled, 2),
        f"publish_{CHANGE}_ms": round(1000 * statistics.median(changes), 2),
    }


async def change(docs: Any, at: int) -> None:
    draw = np.random.default_rng(at).standard_normal((CHANGE, DIMENSION), np.float32)
    await docs.upsert([Passage(f"change-{number}", "") for number in range(CHANGE)], draw)


async def timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    await call()
    return time.perf_counter() - start


def exact(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The questions, and for each the numbers of what is nearest."""
    for block in vectors(rows):
        questions = block  # the last one
    scores = np.empty((QUESTIONS, 0), np.float32)
    numbers = np.empty((QUESTIONS, 0), np.int64)
    start = 0
    for block in blocks_of(rows):
        scores = np.hstack((scores, questions @ block.T))
        numbers = np.hstack((numbers, np.tile(np.arange(start, start + len(block)), (QUESTIONS, 1))))
        start += len(block)
        best = np.argsort(-scores, axis=1)[:, :NEAREST]
        scores, numbers = np.take_along_axis(scores, best, 1), np.take_along_axis(numbers, best, 1)
    return questions, numbers


async def search(folder: Path) -> dict[str, Any]:
    questions, nearest = np.load(folder / "questions.npy"), np.load(folder / "nearest.npy")
    start = time.perf_counter()
    collections = FaissCollections(folder)
    docs = await collections.get("docs")
    await docs.search(Query(questions[0]))
    loaded = time.perf_counter() - start
    times, right = [], 0
    for question, numbers in zip(questions, nearest, strict=True):
        times.append(await timed(lambda question=question: docs.search(Query(question))))
        found = await docs.search(Query(question, top=NEAREST))
        passages = await docs.passages([each.key for each in found.near])
        right += len({passage.id for passage in passages.values()} & set(map(str, numbers)))
    versions = [await timed(lambda: _version(docs)) for _ in range(1000)]
    stats = await docs.stats()
    await collections.aclose()
    return {
        "search_p50_ms": round(1000 * statistics.median(times), 3),
        "recall_at_10": round(right / nearest.size, 4),
        "load_ms": round(1000 * loaded, 1),
        "memory_mib": round(resident(), 1),
        "disk_mib": round(stats.bytes / (1 << 20), 1),
        "version_us": round(1e6 * statistics.median(versions), 1),
        "kinds": " ".join(stats.kinds),
    }


async def _version(docs: Any) -> None:
    docs.version()


def resident() -> float:
    """How many MiB of this process are in memory."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4096 / (1 << 20)


def measure(rows: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        questions, nearest = exact(rows)
        np.save(Path(folder, "questions.npy"), questions)
        np.save(Path(folder, "nearest.npy"), nearest)
        return {**_run("fill", folder, rows), **_run("search", folder, rows)}


def _run(step: str, folder: str, rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.vectors", step, folder, str(rows)]
    said: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return said


def main(step: str, folder: str, rows: str) -> None:
    print(json.dumps(asyncio.run(fill(Path(folder), int(rows)) if step == "fill" else search(Path(folder)))))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""How the cost of reading grows with what is kept: usage rows, cached answers, passages.

Rule: what is kept is written by aigw's own classes in bulk. Commands are measured as they are typed, with their start."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_file import FILE_NAME
from aigw.books.usage_row import UsageRow
from aigw.core.tokens import Tokens
from aigw.stores.disk.cache import DiskCache
from aigw.stores.disk.kv import DiskKV
from tests.benchmarks.growth.table import Growth, Sizes

DAYS = 30
"""The rows are of so many days."""
QUEUE = 20_000
"""How many rows are given to the log before it is closed, so that all of them are written."""
RUNS = 3
LOOKS = 500
ANSWER = 600
"""Bytes of an answer that is cached: so many that a million of them is what the cache keeps."""
TOGETHER = 2000
"""How many answers are put at once."""


def usage(sizes: Sequence[int], seconds: float) -> Sizes:
    """`aigw usage` and `aigw top`, over all rows and over the last hour; the first time, and then the median."""
    found: Sizes = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            _write_rows(Path(folder), size)
            first = _command(folder, "usage")
            again = [_command(folder, "usage") for _ in range(RUNS)]
            _command(folder, "top", "--since", "all")
            top = [_command(folder, "top", "--since", "all") for _ in range(RUNS)]
            hour = [_command(folder, "top") for _ in range(RUNS)]
        found[str(size)] = {
            "first_ms": first[0],
            "usage_ms": statistics.median(wall for wall, _ in again),
            "usage_cpu_ms": statistics.median(cpu for _, cpu in again),
            "top_ms": statistics.median(wall for wall, _ in top),
            "top_cpu_ms": statistics.median(cpu for _, cpu in top),
            "last_hour_ms": statistics.median(wall for wall, _ in hour),
        }
    return found


def _write_rows(folder: Path, size: int) -> None:
    draw, now = random.Random(1), time.time()
    for number in range(size):
        if number % QUEUE == 0:
            log = SqliteUsageLog(folder / FILE_NAME, interval=0.01, limit=QUEUE)
        model, tokens = f"model-{draw.randrange(8)}", Tokens(input=draw.randrange(2000), output=draw.randrange(500))
        log.append(
            UsageRow(
                id=f"req_{number:016x}", at=now - DAYS * 86_400 * (1 - number / size), route="default", asked=model,
                model=model, consumer=f"user-{draw.randrange(50)}", session=f"session-{number // 50}",
                provider="openai", api="openai/v1/chatcompletions", status=429 if number % 20 == 0 else 200,
                tokens=tokens, cost=draw.random() / 100, attempts=1,
                first_token_ms=draw.lognormvariate(6, 0.5), total_ms=draw.lognormvariate(8, 0.5),
            )
        )  # fmt: skip
        if number % QUEUE == QUEUE - 1 or number == size - 1:
            log.close(60)


def _command(folder: str, *words: str) -> tuple[float, float]:
    """The time and the processor time of a command in ms."""
    before, started = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "aigw", *words, "--json", "--state", folder], stdout=subprocess.DEVNULL, check=True
    )
    wall, after = time.perf_counter() - started, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return 1000 * wall, 1000 * used


def cached(sizes: Sequence[int], seconds: float) -> Sizes:
    """Looks of the cache on disk, behind its memory: at answers that are there, and that are not; keeping one more."""
    return {str(size): asyncio.run(_cached(size)) for size in sizes}


async def _cached(size: int) -> dict[str, float]:
    draw = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder, "cache")
        cache = DiskCache(state)
        kept = DiskKV(cache)
        value = draw.randbytes(ANSWER)
        for first in range(0, size, TOGETHER):
            for at in range(first, min(size, first + TOGETHER) - 1):
                kept.put_soon(_key(at), value, 3600, _nothing)
            await kept.put(_key(min(size, first + TOGETHER) - 1), value, 3600)
        await cache.aclose()
        started = time.perf_counter()
        cache = DiskCache(state)
        kept = DiskKV(cache)
        await kept.get("")
        opened = time.perf_counter() - started
        hits = await _each(lambda: kept.get(_key(draw.randrange(size))))
        misses = await _each(lambda: kept.get(_key(size + draw.randrange(size))))
        puts = await _each(lambda: kept.put(_key(2 * size + draw.randrange(size)), value, 3600))
        await cache.aclose()
    return {
        "open_ms": 1000 * opened,
        "hit_us": hits[0],
        "hit_cpu_us": hits[1],
        "miss_us": misses[0],
        "put_us": puts[0],
        "put_cpu_us": puts[1],
    }


def _nothing() -> None:
    pass


def _key(number: int) -> str:
    """Keys of the cache are digests, which lie anywhere."""
    return f"{number * 0x9E3779B97F4A7C15 % (1 << 64):032x}"


async def _each(call: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """The median time and the mean processor time of a call in µs."""
    times, before = [], time.process_time()
    for _ in range(LOOKS):
        started = time.perf_counter()
        await call()
        times.append(time.perf_counter() - started)
    return 1e6 * statistics.median(times), 1e6 * (time.process_time() - before) / LOOKS


USAGE = Growth(
    "usage rows",
    usage,
    (10, 100, 1_000, 10_000, 100_000, 1_000_000),
    (10, 10_000),
    ("first_ms", "usage_ms", "usage_cpu_ms", "top_ms"),
)
CACHED = Growth(
    "answers", cached, (1_000, 10_000, 100_000, 1_000_000), (1_000, 10_000), ("open_ms", "hit_cpu_us", "put_cpu_us")
)

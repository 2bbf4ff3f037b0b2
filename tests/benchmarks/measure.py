"""What is measured, each part a dictionary of figures. Times are in the unit that stands in the key."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks import ingest as bringing_in
from tests.benchmarks import processes
from tests.benchmarks import vectors as many_vectors

Figures = dict[str, Any]


class Effort(NamedTuple):
    """How long and how often. Where variants run in turns, each has so many `slices` of so many `slice_seconds`."""

    seconds: float
    rounds: int
    starts: int
    requests: int
    streams: int
    calls: int
    rows: tuple[int, ...]
    characters: int
    slices: int
    slice_seconds: float


FULL = Effort(
    seconds=3.0,
    rounds=3,
    starts=10,
    requests=100_000,
    streams=2000,
    calls=1000,
    rows=(10_000, 100_000, 1_000_000),
    characters=400_000,
    slices=7,
    slice_seconds=0.6,
)
QUICK = Effort(
    seconds=0.5,
    rounds=1,
    starts=3,
    requests=5_000,
    streams=100,
    calls=200,
    rows=(10_000,),
    characters=40_000,
    slices=1,
    slice_seconds=0.3,
)


@contextmanager
def _configured() -> Iterator[Path]:
    """A configuration file with ai-statistics, with the provider that it names running."""
    with processes.upstream() as upstream, tempfile.TemporaryDirectory() as folder:
        yield processes.write_config(Path(folder), upstream.port, processes.STATISTICS)


def start(effort: Effort) -> Figures:
    """The time to the first 200 (s), and `aigw --help` (ms)."""
    ready = []
    with _configured() as config:
        for _ in range(effort.starts):
            with processes.aigw(config) as (_, seconds):
                ready.append(seconds)
    shown = []
    for _ in range(effort.starts):
        started = time.perf_counter()
        with processes.python("proxy", "-m", "aigw", "--help") as process:
            process.communicate()
        shown.append((time.perf_counter() - started) * 1000)
    return {"ready_s": round(statistics.median(ready), 3), "help_ms": round(statistics.median(shown), 1)}


def vectors(effort: Effort) -> Figures:
    """Searches by vector, by how many vectors there are."""
    return {f"{rows:,}": many_vectors.measure(rows) for rows in effort.rows}


def ingest(effort: Effort) -> Figures:
    """How fast documents come in."""
    return bringing_in.measure(effort.characters, effort.rounds)

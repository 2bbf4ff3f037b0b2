"""What is measured, each part a dictionary of figures. Times are in the unit that stands in the key."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks import concurrent, processes
from tests.benchmarks import ingest as bringing_in
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
    streams=1000,
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


def workers(effort: Effort) -> Figures:
    """Requests per second of one and of two processes, on all cores, beside the upstream and the load."""
    found: Figures = {}
    with _configured() as config:
        for number in (1, 2):
            with processes.aigw(config, "--workers", str(number), role="anywhere") as (aigw, _):
                for shape in ("plain", "burst"):
                    processes.load(aigw, shape, 32, seconds=min(1.0, effort.seconds))
                    runs = [processes.load(aigw, shape, 32, seconds=effort.seconds) for _ in range(effort.rounds)]
                    measured = _median(runs)
                    found[f"{shape}_{number}"] = measured["per_second"]
                    found[f"{shape}_{number}_p99_us"] = measured["total_p99"]
    return found


def _median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(run[name] for run in runs), 1) for name in runs[0]}


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


def streams(effort: Effort) -> Figures:
    """Concurrent streams and how many of them were not whole; resident memory (MiB) after them."""
    with _configured() as config, processes.aigw(config) as (aigw, _):
        with processes.on_core("load"):
            wrong = concurrent.check(aigw.port, effort.streams)
        for line in wrong[:5]:
            print(line, file=sys.stderr)
        return {"streams": effort.streams, "not_whole": len(wrong), "after_mib": round(aigw.rss(), 1)}


def vectors(effort: Effort) -> Figures:
    """Searches by vector, by how many vectors there are."""
    return {f"{rows:,}": many_vectors.measure(rows) for rows in effort.rows}


def ingest(effort: Effort) -> Figures:
    """How fast documents come in."""
    return bringing_in.measure(effort.characters, effort.rounds)

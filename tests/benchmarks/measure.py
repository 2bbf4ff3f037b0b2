"""What is measured, each part a dictionary of figures. Times are in the unit that stands in the key."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks import concurrent, processes
from tests.benchmarks import ingest as bringing_in
from tests.benchmarks import vectors as many_vectors

CONNECTIONS = (1, 32)
Figures = dict[str, Any]


class Effort(NamedTuple):
    """How long and how often."""

    seconds: float
    rounds: int
    starts: int
    requests: int
    streams: int
    calls: int
    rows: tuple[int, ...]
    characters: int


FULL = Effort(
    seconds=3.0,
    rounds=3,
    starts=10,
    requests=100_000,
    streams=1000,
    calls=1000,
    rows=(10_000, 100_000, 1_000_000),
    characters=400_000,
)
QUICK = Effort(
    seconds=0.5, rounds=1, starts=3, requests=5_000, streams=100, calls=200, rows=(10_000,), characters=40_000
)


@contextmanager
def _configured() -> Iterator[Path]:
    """A configuration file with ai-statistics, with the provider that it names running."""
    with processes.upstream() as upstream, tempfile.TemporaryDirectory() as folder:
        yield processes.write_config(Path(folder), upstream.port, processes.STATISTICS)


def throughput(shape: str, effort: Effort) -> Figures:
    """Requests per second and latencies (µs) of the upstream alone, the floor, aigw and aigw with ai-statistics, in
    turns; medians."""
    found: Figures = {}
    with ExitStack() as stack:
        upstream = stack.enter_context(processes.upstream())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        floor = stack.enter_context(processes.floor(upstream.port))
        aigw, _ = stack.enter_context(processes.aigw(processes.write_config(folder / "plain", upstream.port)))
        config = processes.write_config(folder / "statistics", upstream.port, processes.STATISTICS)
        statistics, _ = stack.enter_context(processes.aigw(config))
        servers = {"upstream": upstream, "floor": floor, "aigw": aigw, "statistics": statistics}
        for connections in CONNECTIONS:
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
            for server in (floor, aigw, statistics):
                processes.load(server, shape, connections, seconds=min(1.0, effort.seconds))
            for _ in range(effort.rounds):
                for name, server in servers.items():
                    runs[name].append(processes.load(server, shape, connections, seconds=effort.seconds))
            found[f"c{connections}"] = {name: _median(measured) for name, measured in runs.items()}
    return found


def calls(effort: Effort) -> Figures:
    """Calls of Python functions for each request, of the floor, aigw and aigw with ai-statistics."""
    found: Figures = {}
    with processes.upstream() as upstream, tempfile.TemporaryDirectory() as folder:
        plain = processes.write_config(Path(folder, "plain"), upstream.port)
        statistics = processes.write_config(Path(folder, "statistics"), upstream.port, processes.STATISTICS)
        servers = {
            "floor": ("floor", f"http://127.0.0.1:{upstream.port}"),
            "aigw": ("aigw", "serve", "--config", str(plain), "--json"),
            "statistics": ("aigw", "serve", "--config", str(statistics), "--json"),
        }
        for name, command in servers.items():
            with processes.profiled(*command) as (process, port):
                server = processes.Server(port, process.pid)
                found[name] = {
                    shape: processes.count_calls(process, server, shape, effort.calls) for shape in ("plain", "stream")
                }
    return found


def cache(effort: Effort) -> Figures:
    """Requests per second and latencies (µs) of the floor, of hits that come from memory, the disk and a Redis, and of
    misses with ai-statistics, ai-cache and ai-token-ratelimit together; in turns, medians."""
    found: Figures = {}
    with ExitStack() as stack:
        upstream = stack.enter_context(processes.upstream())
        redis = stack.enter_context(processes.redis())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port, every = upstream.port, (processes.STATISTICS, processes.CACHE, processes.LIMIT)
        configs = {
            "hit_memory": processes.write_config(folder / "memory", port, processes.CACHE),
            "hit_disk": processes.write_config(folder / "disk", port, processes.CACHE, memory="1"),
            "hit_redis": processes.write_config(folder / "redis", port, processes.CACHE, redis=redis),
            "miss_disk": processes.write_config(folder / "all", port, *every),
            "miss_redis": processes.write_config(folder / "all-redis", port, *every, redis=redis),
        }
        servers = {"floor": stack.enter_context(processes.floor(port))}
        servers |= {name: stack.enter_context(processes.aigw(config))[0] for name, config in configs.items()}
        asked = 1
        for connections in CONNECTIONS:
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
            for turn in range(effort.rounds + 1):
                for name, server in servers.items():
                    distinct = asked if name.startswith("miss") else 0
                    seconds = effort.seconds if turn else min(1.0, effort.seconds)
                    run = processes.load(server, "plain", connections, seconds=seconds, distinct=distinct)
                    asked += int(run["requests"]) + connections
                    if turn:  # the first one warms up
                        runs[name].append(run)
            found[f"c{connections}"] = {name: _median(measured) for name, measured in runs.items()}
    return found


def workers(effort: Effort) -> Figures:
    """Requests per second of one and of two processes, on all cores, beside the upstream and the load."""
    found: Figures = {}
    with _configured() as config:
        for number in (1, 2):
            with processes.aigw(config, "--workers", str(number), role="anywhere") as (aigw, _):
                for shape in ("plain", "stream"):
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


def memory(effort: Effort) -> Figures:
    """Resident memory (MiB): idle, after 100 requests, after many, half of them streams."""
    with _configured() as config, processes.aigw(config) as (aigw, _):
        found: Figures = {"idle_mib": aigw.rss()}
        for shape in ("plain", "stream"):
            processes.load(aigw, shape, 32, requests=50)
        found["after_100_mib"] = before = aigw.rss()
        for shape in ("plain", "stream"):
            processes.load(aigw, shape, 32, requests=effort.requests // 2)
        found["requests"] = effort.requests
        found["after_all_mib"] = after = aigw.rss()
        found["growth_percent"] = (after - before) / before * 100 if before else 0.0
    return {name: round(value, 1) for name, value in found.items()}


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

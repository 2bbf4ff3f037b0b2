"""What a page that is open takes of the processor, whatever passes: two gateways are loaded at once on one core, first
both without a page, then one of them with an open one.

Rule: what other programs on the machine do concerns both alike, and what distinguishes the two processes concerns both
times. The page reads what comes as fast as it can, as a browser does."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from tests.benchmarks import processes
from tests.benchmarks.measure import Effort

CONNECTIONS = 16
Figures = dict[str, Any]


class _Turn(NamedTuple):
    """`ratio` is the processor time of a request of the second gateway, as a multiple of that of the first. `busy` is
    the share of a second in which the second one worked."""

    ratio: float
    busy: float


def watching(effort: Effort) -> Figures:
    """Milliseconds of processor time that an open page takes in each second, for plain answers and streams; medians.
    As a share of a second that is the share of throughput that it costs a gateway that has nothing but its core."""
    found: Figures = {}
    with ExitStack() as stack:
        upstream = stack.enter_context(processes.upstream())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        configs = [processes.write_config(folder / name, upstream.port) for name in ("first", "second")]
        first, second = [stack.enter_context(processes.aigw(config))[0] for config in configs]
        shapes = ("plain", "burst")
        before = {shape: _turns(first, second, shape, effort) for shape in shapes}
        with reading(second) as events:
            after = {shape: _turns(first, second, shape, effort) for shape in shapes}
        for shape in shapes:
            alone = statistics.median(turn.ratio for turn in before[shape])
            taken = [(1 - alone / turn.ratio) * turn.busy * 1000 for turn in after[shape]]
            found[f"{shape}_ms_a_second"] = round(statistics.median(taken), 1)
        found["events"] = events[0]
    return found


def _turns(first: processes.Server, second: processes.Server, shape: str, effort: Effort) -> list[_Turn]:
    return [_turn(first, second, shape, effort.seconds) for _ in range(effort.rounds + 1)][1:]


def _turn(first: processes.Server, second: processes.Server, shape: str, seconds: float) -> _Turn:
    def loaded(server: processes.Server) -> tuple[float, float]:
        before = _processor_seconds(server.pid)
        run = processes.load(server, shape, CONNECTIONS, seconds=seconds)
        used = _processor_seconds(server.pid) - before
        return used / run["requests"], used * run["per_second"] / run["requests"]

    with ThreadPoolExecutor(2) as pool:
        (reference, _), (watched, busy) = pool.map(loaded, (first, second))
    return _Turn(watched / reference, busy)


def _processor_seconds(pid: int) -> float:
    """More exact than the clock ticks of /proc/PID/stat."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


@contextmanager
def reading(server: processes.Server) -> Iterator[list[int]]:
    """Reads the events of the page until the block ends, and counts them."""
    connection, count = HTTPConnection("127.0.0.1", server.port), [0]
    connection.request("GET", "/-/events", headers={"host": f"127.0.0.1:{server.port}"})
    answer = connection.getresponse()

    def read() -> None:
        while line := answer.readline():
            count[0] += line.startswith(b"event:")

    thread = Thread(target=read, daemon=True)
    thread.start()
    try:
        yield count
    finally:
        if connection.sock is not None:
            connection.sock.shutdown(2)
        thread.join(5)

"""Several workers beside one. On two cores that the load and the provider use as well, their throughput cannot show what
they would do on cores of their own. So the part says what a request costs them, and how evenly the connections are
spread: two workers that cost as much a request, each with half of the requests, answer twice as many on two free cores."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks import processes
from tests.benchmarks.growth import requests

if TYPE_CHECKING:
    from tests.benchmarks.measure import Effort, Figures

NUMBERS = (1, 2)
AT_ONCE = 16
"""Connections of a worker: two of them have twice as many as one."""


def workers(effort: Effort) -> Figures:
    """The processor time of a request (µs) with one and with two workers, in turns, medians; as a ratio; and which
    share of the work the busiest of two had, where 0.5 is even."""
    costs: dict[int, list[float]] = {number: [] for number in NUMBERS}
    busiest: list[float] = []
    with ExitStack() as stack:
        upstream = stack.enter_context(requests.provider())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = {}
        for number in NUMBERS:
            (folder / str(number)).mkdir()
            config = requests.write_config(folder / str(number), upstream.port, {"ai-statistics": {}})
            servers[number], _ = stack.enter_context(processes.aigw(config, "--workers", str(number), role="anywhere"))
        for turn in range(effort.slices + 1):
            for number, server in servers.items():
                pids = _workers(server.pid)
                before = [requests.processor_seconds(pid) for pid in pids]
                run = requests.sent(server, effort.slice_seconds, requests.SMALL, 0, AT_ONCE * number)
                spent = [requests.processor_seconds(pid) - was for pid, was in zip(pids, before, strict=True)]
                if turn:  # the first one warms up
                    costs[number].append(sum(spent) / run["requests"] * 1e6)
                if turn and number > 1:
                    busiest.append(max(spent) / sum(spent))
    one, two = (median(costs[number]) for number in NUMBERS)
    return {
        "cpu_us_one": round(one, 1),
        "cpu_us_two": round(two, 1),
        "two_to_one": round(two / one, 3),
        "busiest_share": round(median(busiest), 3),
    }


def _workers(pid: int) -> list[int]:
    """The processes that answer: a single one is the gateway itself."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    if b"--workers\x001\x00" in command:
        return [pid]
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

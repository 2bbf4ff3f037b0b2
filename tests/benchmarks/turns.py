"""Gateways in turns: each has a slice of load after the other, again and again, so that what else the machine does
concerns all alike. What is compared is the processor time of a request, slice by slice, with that of the floor."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import gateways, processes
from tests.benchmarks.gateways import Gateway

if TYPE_CHECKING:
    from tests.benchmarks.measure import Effort, Figures

CONNECTIONS = {"slow": 128}
"""32 for the other shapes."""


@dataclass
class Slice:
    """`cpu` is the processor time of a request (µs), with what was written down after the last one."""

    gateway: Gateway
    before: float
    found: dict[str, float]
    cpu: float = 0.0

    def settle(self) -> None:
        self.cpu = (self.gateway.server.cpu() - self.before) / self.found["requests"] * 1e6


def shape(name: str, effort: Effort) -> Figures:
    """Of each gateway that has this shape: processor time of a request (µs) and requests per second at many connections,
    the median latency (µs) at one, and each as a multiple of the floor's (`cpu_ratio` as a part of it: what is above 1
    is cheaper than the floor); how soon it was ready, and its memory then (MiB)."""
    with ExitStack() as stack:
        upstream = stack.enter_context(processes.upstream())
        site = gateways.Site(Path(stack.enter_context(tempfile.TemporaryDirectory())), upstream.port, stack)
        started = {row.name: row.start(site) for row in gateways.ROWS if name in row.shapes}
        turns = Turns(name, {each: gateway for each, gateway in started.items() if gateway is not None})
        turns.warm_up(CONNECTIONS.get(name, 32), effort.slice_seconds)
        many = turns.taken(CONNECTIONS.get(name, 32), effort.slices, effort.slice_seconds)
        one = turns.taken(1, effort.rounds, effort.slice_seconds / 2) if name != "slow" else many
    return {each: _figures(gateway, many, one, each) for each, gateway in turns.running.items()}


class Turns:
    """Loads the gateways that run, in turns. No two requests to those that want it so are the same."""

    def __init__(self, name: str, running: dict[str, Gateway]) -> None:
        self.running = running
        self._shape = name
        self._asked = 1

    def warm_up(self, connections: int, seconds: float) -> None:
        """A gateway that does not answer is left out, which is said."""
        for name, gateway in list(self.running.items()):
            try:
                self._load(gateway, connections, seconds)
            except RuntimeError as error:
                print(f"{name} does not answer to {self._shape}: {error}", file=sys.stderr)
                del self.running[name]

    def taken(self, connections: int, slices: int, seconds: float) -> dict[str, list[Slice]]:
        """So many slices of each gateway."""
        measured: dict[str, list[Slice]] = {name: [] for name in self.running}
        last = None
        for _ in range(slices):
            for name, gateway in self.running.items():
                before = gateway.server.cpu()
                found = self._load(gateway, connections, seconds)
                if last is not None:
                    last.settle()  # a turn later, as it goes on to write when its load has ended
                last = Slice(gateway, before, found)
                measured[name].append(last)
        time.sleep(processes.SETTLE_SECONDS)
        if last is not None:
            last.settle()
        return measured

    def _load(self, gateway: Gateway, connections: int, seconds: float) -> dict[str, float]:
        distinct = self._asked if gateway.distinct else 0
        found = processes.load(
            gateway.server, self._shape, connections, *gateway.options, seconds=seconds, distinct=distinct
        )
        self._asked += int(found["requests"]) + connections
        return found


def _figures(gateway: Gateway, many: Mapping[str, list[Slice]], one: Mapping[str, list[Slice]], name: str) -> Figures:
    floor, mine = many["floor"], many[name]
    found: Figures = {
        "cpu": _median(each.cpu for each in mine),
        "cpu_ratio": _median(a.cpu / b.cpu for a, b in zip(floor, mine, strict=True) if b.cpu),
        "ready": round(gateway.ready, 2),
        "idle": round(gateway.idle, 1),
    }
    for key, slices in (("per_second", many), ("total_p50", one), ("first_p50", one)):
        if key in slices[name][0].found:
            found[key] = _median(each.found[key] for each in slices[name])
            found[f"{key}_ratio"] = _median(
                b.found[key] / a.found[key] for a, b in zip(slices["floor"], slices[name], strict=True)
            )
    return found


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 3)

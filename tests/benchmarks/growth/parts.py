"""The parts of the benchmark that are about growth, by their names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.benchmarks.growth import chunks, kept, requests
from tests.benchmarks.growth.table import Growth
from tests.benchmarks.measure import QUICK, Effort, Figures

_GROWTHS = {
    "bodies": requests.BODIES,
    "events": requests.EVENTS,
    "connections": requests.CONNECTIONS,
    "routes": requests.ROUTES,
    "conditions": requests.CONDITIONS,
    "consumers": requests.CONSUMERS,
    "usage": kept.USAGE,
    "cached": kept.CACHED,
    "chunks": chunks.CHUNKS,
}


def _figures(growth: Growth, effort: Effort) -> Figures:
    return growth.figures(quick=effort == QUICK, seconds=effort.seconds)


PARTS: dict[str, Callable[[Effort], Figures]] = {
    f"growth-{name}": partial(_figures, growth) for name, growth in _GROWTHS.items()
}
"""They take half an hour together, so that they only run if they are named."""

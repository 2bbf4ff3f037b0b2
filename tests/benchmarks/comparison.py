"""Gateways beside the floor: one table of all shapes, which README holds, and a table with all figures of each shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.benchmarks import traffic

Figures = dict[str, Any]
_WIDTH = 30
_COLUMNS = (
    ("cpu", "CPU µs", ",.0f"),
    ("cpu_ratio", "floor/it", ".2f"),
    ("per_second", "a second", ",.0f"),
    ("per_second_ratio", "it/floor", ".2f"),
    ("total_p50", "p50 µs", ",.0f"),
    ("total_p50_ratio", "it/floor", ".2f"),
    ("first_p50_ratio", "first ev.", ".2f"),
)
"""Figures of turns.shape(), their titles and formats."""


def overview(parts: dict[str, Figures]) -> list[str]:
    """The table of README: processor time by shape, and what the first shape tells of throughput, latency and start."""
    shapes = [shape for shape in traffic.SHAPES if shape in parts]
    titles = ["floor's CPU / its CPU", *shapes]
    titles += ["requests/s, c=32", "p50, c=1, ms", "ready, s", "idle, MiB"]
    lines = [_row(titles), "|---" * len(titles) + "|"]
    for name in dict.fromkeys(name for shape in shapes for name in parts[shape]):
        ratios = [_ratio(parts[shape].get(name)) for shape in shapes]
        lines.append(_row([name, *ratios, *_alone(parts[shapes[0]].get(name))]))
    return lines


def _row(cells: list[str]) -> str:
    first, *others = cells
    return f"| {first:{_WIDTH}} | " + " | ".join(f"{each:>6}" for each in others) + " |"


def _ratio(figures: Figures | None) -> str:
    return f"{figures['cpu_ratio']:.2f}" if figures else ""


def _alone(figures: Figures | None) -> Iterator[str]:
    if figures is None:
        yield from ("", "", "", "")
        return
    yield f"{figures['per_second']:,.0f}"
    yield f"{figures['total_p50'] / 1000:.2f}"
    yield f"{figures['ready']:.2f}"
    yield f"{figures['idle']:.0f}"


def details(shape: str, figures: Figures) -> list[str]:
    """All figures of a shape."""
    columns = [column for column in _COLUMNS if column[0] in figures["floor"]]
    lines = [f"{shape:{_WIDTH}}" + "".join(f"{title:>10}" for _, title, _ in columns)]
    for name, found in figures.items():
        lines.append(f"  {name:{_WIDTH - 2}}" + "".join(f"{found[key]:>10{form}}" for key, _, form in columns))
    return lines

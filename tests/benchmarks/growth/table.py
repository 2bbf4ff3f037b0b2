"""Tables of growth: a row for each size, and how much faster than the size its cost grows.

The exponent between two sizes is how the cost follows the size: 0 is constant, 1 linear, 2 square. A cost of which most
does not depend on the size has a small one, so that look at the last rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

LINEAR = 1.15
CONSTANT = 0.1
"""Exponents up to which a cost counts as linear, or as constant. Between two sizes that are ten times as large, 0.1 is
a quarter more: the noise of two cores that others use, too."""
Sizes = dict[str, dict[str, Any]]


class Growth(NamedTuple):
    """What is measured for one kind of size. `measure` returns the figures of each of some sizes, by their names, of
    which `costs` must not grow faster than the exponent `most`. With --quick there are only the `quick` sizes."""

    unit: str
    measure: Callable[[Sequence[int], float], Sizes]
    sizes: Sequence[int]
    quick: Sequence[int]
    costs: Sequence[str]
    most: float = LINEAR

    def figures(self, *, quick: bool, seconds: float) -> dict[str, Any]:
        rows = self.measure(self.quick if quick else self.sizes, seconds)
        found = {
            cost: exponents([int(size) for size in rows], [row[cost] for row in rows.values()]) for cost in self.costs
        }
        worst = max((each for values in found.values() for each in values[1:]), default=0.0)
        return {"unit": self.unit, "rows": rows, "exponents": found, "worst": worst, "most": self.most}


def exponents(sizes: Sequence[int], costs: Sequence[float]) -> list[float]:
    """One for each size and the one before it; 0.0 for the first."""
    pairs = zip(zip(sizes, costs, strict=True), zip(sizes[1:], costs[1:], strict=True), strict=False)
    found = [
        math.log(cost / before) / math.log(size / smaller) if before > 0 and cost > 0 else 0.0
        for (smaller, before), (size, cost) in pairs
    ]
    return [0.0, *(round(each, 2) for each in found)]


def lines(name: str, figures: dict[str, Any]) -> list[str]:
    """The table as text."""
    rows: Sizes = figures["rows"]
    columns = list(next(iter(rows.values())))
    said = "linear" if figures["most"] == LINEAR else "constant"
    met = "yes" if figures["worst"] <= figures["most"] else "NO"
    out = [f"{name}: {said} at most? {met} (largest exponent {figures['worst']:.2f}, allowed {figures['most']:g})"]
    titles = [column.replace("_", " ") for column in columns]
    shown = [cost for cost in figures["exponents"] if cost in columns]
    out.append(
        f"  {figures['unit']:>12}" + "".join(f"{title:>14}" for title in titles) + "".join(f"{'^':>7}" for _ in shown)
    )
    for at, (size, row) in enumerate(rows.items()):
        cells = "".join(f"{row[column]:>14,.{_places(row[column])}f}" for column in columns)
        grown = "".join(f"{figures['exponents'][cost][at] or '':>7}" for cost in shown)
        out.append(f"  {int(size):>12,}{cells}{grown}")
    return out


def _places(value: float) -> int:
    return 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2

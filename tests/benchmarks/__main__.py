"""Measures aigw: `python -m tests.benchmarks`, from the root of the project. All parts take about half an hour; the table
of README, `--only plain,burst,slow`, takes five minutes.

The gateways share a core that the load and the provider do not use, and are loaded in turns; figures are medians.
Compare ratios of one run, not figures of two machines."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial

from tests.benchmarks import (
    beside,
    calls,
    first_request,
    gateways,
    measure,
    memory,
    pacing,
    recordings,
    report,
    screening,
    traffic,
    transforming,
    translating,
    turns,
    watching,
)
from tests.benchmarks.growth import at_once, workers
from tests.benchmarks.growth import parts as growth

PARTS: dict[str, Callable[[measure.Effort], measure.Figures]] = {
    **{shape: partial(turns.shape, shape) for shape in traffic.SHAPES},
    "calls": calls.calls,
    "start": measure.start,
    "first": first_request.first,
    "memory": memory.memory,
    "streams": at_once.streams,
    "workers": workers.workers,
    "vectors": measure.vectors,
    "ingest": measure.ingest,
    "recordings": recordings.recordings,
    "pacing": pacing.pacing,
    "guard": screening.screening,
    "transforming": transforming.transforming,
    "page": watching.watching,
    "translation": translating.translation,
    "large": beside.beside,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__, epilog=gateways.__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run that shows whether everything works")
    parser.add_argument(
        "--only",
        default=",".join(PARTS),
        help=f"parts, separated by commas; all: {', '.join(PARTS)}; others: growth, or of it {', '.join(growth.PARTS)}",
    )
    parser.add_argument("--json", action="store_true", help="the figures as JSON instead of tables")
    asked = parser.parse_args()
    known = PARTS | growth.PARTS
    names = [part for name in asked.only.split(",") for part in (growth.PARTS if name == "growth" else (name,))]
    if unknown := [name for name in names if name not in known]:
        parser.error(f"unknown part {', '.join(unknown)}; the parts are {', '.join(known)}")
    effort = measure.QUICK if asked.quick else measure.FULL
    parts = {name: known[name](effort) for name in names}
    described = report.machine()
    print(json.dumps({"machine": described, **parts}, indent=2) if asked.json else report.text(parts, described))


if __name__ == "__main__":
    main()

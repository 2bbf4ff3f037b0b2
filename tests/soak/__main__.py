"""Carries thousands of requests of all kinds through the nine plugins of recipes/everything.yaml: `python -m tests.soak`,
from the root of the project. 10,000 take about a minute of two cores that do nothing else, 200,000 a quarter of an hour.

Right is: every answer is what the script means, no error that the clouds did not cause, the books have of each answer
the usage that the provider told, nothing is left over in the gateway, and its log has no traceback."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.soak.course import Soak


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="how many; default: %(default)s")
    parser.add_argument("--connections", type=int, default=32, help="how many at once; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="another number is another script; default: %(default)s")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), asked.requests, asked.connections, asked.seed)
        result = uvloop.run(soak.run())
    print(json.dumps(result.figures, indent=2))
    if result.problems:
        sys.exit("\n".join([*result.problems[:20], f"{len(result.problems)} problems"]))


if __name__ == "__main__":
    main()

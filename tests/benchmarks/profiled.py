"""Counts the Python functions that a server calls: `python -m tests.benchmarks.profiled floor URL` or `... aigw
ARGUMENTS`.

SIGUSR1 begins to count, SIGUSR2 ends and prints the number as one line. It is cProfile's: only the
event loop's thread, without functions written in C, a coroutine once for each time that it goes on."""

from __future__ import annotations

import cProfile
import pstats
import signal
import sys
from types import FrameType


def main() -> None:
    profile = cProfile.Profile()

    def begin(number: int, frame: FrameType | None) -> None:
        profile.enable()

    def end(number: int, frame: FrameType | None) -> None:
        profile.disable()
        print(_python_calls(profile), flush=True)
        profile.clear()

    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, end)
    kind, *arguments = sys.argv[1:]
    if kind == "floor":
        import uvloop

        from tests.benchmarks.floor import serve

        uvloop.run(serve(arguments[0]))
    else:
        from aigw.cli.main import main as aigw

        sys.argv = ["aigw", *arguments]
        aigw()


def _python_calls(profile: cProfile.Profile) -> int:
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    return sum(calls for (file, _, _), (_, calls, *_) in stats.items() if file != "~")


if __name__ == "__main__":
    main()

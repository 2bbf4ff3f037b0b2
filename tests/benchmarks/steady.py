"""Small requests at a steady pace: `python -m tests.benchmarks.steady PORT SECONDS` prints one JSON line with the
percentiles of their latencies in milliseconds.

The pace does not wait for answers (an open loop): what should have been sent while an answer was late counts from when
it should have been sent. A probe asks a page of the gateway itself every PROBE_SECONDS, whose longest wait is how long
the loop was blocked."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import uvloop

from tests.benchmarks import traffic
from tests.benchmarks.load import Client, Run

CONNECTIONS = 4
PAUSE_SECONDS = 0.02
"""Between two requests of one connection."""
PROBE_SECONDS = 0.002

_clock = time.perf_counter


class Paced(Client):
    """One connection that sends a request every `pause` seconds."""

    def __init__(self, run: Run, request: bytes, pause: float) -> None:
        super().__init__(run, request, streaming=False, distinct=False)
        self._loop = asyncio.get_running_loop()
        self._pause = pause
        self._due = _clock()

    def send(self) -> None:
        self._due += self._pause
        early = self._due - _clock()
        if early > 0:
            self._loop.call_later(early, super().send)
            return
        super().send()
        self._started = self._due


async def steady(port: int, seconds: float) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    small, probe = (Run(until=_clock() + seconds, requests=2**62) for _ in range(2))
    request = traffic.request("plain", port).replace(b"\r\n\r\n", b"\r\nx-higress-skip-ai-cache: on\r\n\r\n", 1)
    page = f"GET /-/health HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode()
    for number in range(CONNECTIONS):
        await _open(loop, port, lambda: Paced(small, request, PAUSE_SECONDS))
        await asyncio.sleep(PAUSE_SECONDS / CONNECTIONS * (number < CONNECTIONS - 1))
    await _open(loop, port, lambda: Paced(probe, page, PROBE_SECONDS))
    await asyncio.gather(small.stopped, probe.stopped)
    ordered = sorted(small.total)
    found = {f"p{p}": ordered[int(len(ordered) * p / 100)] * 1000 for p in (50, 99)}
    return {**found, "max": ordered[-1] * 1000, "blocked": max(probe.total) * 1000}


async def _open(loop: asyncio.AbstractEventLoop, port: int, client: Any) -> None:
    _, opened = await loop.create_connection(client, "127.0.0.1", port)
    opened.send()


if __name__ == "__main__":
    print(json.dumps(uvloop.run(steady(int(sys.argv[1]), float(sys.argv[2])))))

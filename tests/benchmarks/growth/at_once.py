"""Many streams at once, opened one after the other: every event of each arrives, in order, and no other stream's, and
the first token as soon as through the floor. `python -m tests.benchmarks.growth.at_once PORT STREAMS RATE` opens so many a
second, and prints the times to the first token in µs, and what is wrong.

Events come so slowly that all streams are open together before the first of them ends. The first token is in the second
event, which comes with the one that only opens the answer: that one aigw keeps until it knows that it is an answer."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import uvloop

from tests.benchmarks import processes
from tests.benchmarks.growth import requests, sized

if TYPE_CHECKING:
    from tests.benchmarks.measure import Effort, Figures

RATE = 200
"""Streams that are opened in a second."""
EVENTS, PAUSE_MS = 15, 1000
"""Events of a stream, and the time between two of them, but for the first two: a stream takes 13 s, and all are open
after 10."""
_EVENT = re.compile(rb'"id":"chatcmpl-(\d+)"[^\n]*?"content":" token(\d+)"')
_ID = re.compile(rb'"id":"chatcmpl-(\d+)"')


class Stream(asyncio.Protocol):
    """One stream on a connection of its own."""

    def __init__(self, port: int, number: int, wanted: Events) -> None:
        self._port, self._number, self._wanted = port, number, wanted
        self._received: list[bytes] = []
        self.first = 0.0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._wanted.opened()
        self._started = time.perf_counter()
        self._transport.write(sized.request(self._port, 1000, EVENTS, pause=PAUSE_MS, user=self._number))

    def data_received(self, data: bytes) -> None:
        self._received.append(data)
        if not self.first and b'" token0"' in data:
            self.first = time.perf_counter() - self._started
        if data.endswith(b"0\r\n\r\n"):
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._wanted.closed()
        self.ended.set_result(None)

    def wrong(self) -> str:
        """What is wrong with it, "" for nothing."""
        body = b"".join(self._received)
        if not body.startswith(b"HTTP/1.1 200"):
            return f"stream {self._number}: {body[:100]!r}"
        if {int(user) for user in _ID.findall(body)} != {self._number}:
            return f"stream {self._number} has events of another one"
        numbers = [int(number) for _, number in _EVENT.findall(body)]
        whole = numbers == list(range(EVENTS - 3)) and body.count(b'"finish_reason":"stop"') == 1 and b"[DONE]" in body
        return "" if whole else f"stream {self._number} has {numbers} of {EVENTS - 3} texts"


class Events:
    """How many streams are open, and the most that were."""

    def __init__(self) -> None:
        self.open = self.most = 0

    def opened(self) -> None:
        self.open += 1
        self.most = max(self.most, self.open)

    def closed(self) -> None:
        self.open -= 1


async def run(port: int, streams: int, rate: float) -> dict[str, Any]:
    loop, wanted, all_ = asyncio.get_running_loop(), Events(), list[Stream]()
    began = loop.time()
    for number in range(streams):
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
        _, stream = await loop.create_connection(lambda number=number: Stream(port, number, wanted), "127.0.0.1", port)
        all_.append(stream)
    await asyncio.wait_for(asyncio.gather(*(stream.ended for stream in all_)), 120)
    wrong = [said for stream in all_ if (said := stream.wrong())]
    return {"first_us": [stream.first * 1e6 for stream in all_], "most": wanted.most, "wrong": wrong}


def streams(effort: Effort) -> Figures:
    """Streams that were open at once, how many of them were not whole, the median time to the first token (ms) through
    the floor and through aigw, and what aigw adds to it; its processor time an event (µs), and memory (MiB) after."""
    count = effort.streams
    with ExitStack() as stack:
        upstream = stack.enter_context(requests.provider())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        floor = stack.enter_context(processes.floor(upstream.port))
        aigw, _ = stack.enter_context(
            processes.aigw(requests.write_config(folder, upstream.port, {"ai-statistics": {}}))
        )
        for server in (floor, aigw):
            _open(server, 50)
        bare, cpu = _open(floor, count), aigw.cpu()
        found = _open(aigw, count)
        cpu = aigw.cpu() - cpu
        memory = aigw.rss()
    for line in found["wrong"][:5]:
        print(line, file=sys.stderr)
    medians = {"floor": _median(bare["first_us"]), "aigw": _median(found["first_us"])}
    return {
        "streams": count,
        "at_once": found["most"],
        "not_whole": len(found["wrong"]) + len(bare["wrong"]),
        **{f"first_token_{name}_p50_ms": round(value, 3) for name, value in medians.items()},
        "added_p50_ms": round(medians["aigw"] - medians["floor"], 3),
        "cpu_us_an_event": round(cpu / count / EVENTS * 1e6, 1),
        "after_mib": round(memory, 1),
    }


def _open(server: processes.Server, count: int) -> dict[str, Any]:
    with processes.python(
        "load", "-m", "tests.benchmarks.growth.at_once", str(server.port), str(count), str(RATE)
    ) as process:
        found: dict[str, Any] = json.loads(process.communicate()[0])
    return found


def _median(times: Sequence[float]) -> float:
    return statistics.median(times) / 1000


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))))

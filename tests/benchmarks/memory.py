"""How resident memory grows with requests of many models, sessions and texts, with ai-statistics.

`python -m tests.benchmarks.memory --requests 1000000` goes on to a million; without it, it ends at 100,000. `--shape`
chooses what the requests are, which else are a mix: half of them streams. The first 10,000 warm up: pools fill, and the
allocator gets what it needs at the peak."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import uvloop

from tests.benchmarks import processes, traffic
from tests.benchmarks.measure import Effort, Figures

WARM = 10_000
"""After so many requests, growth is measured."""
MODELS, QUESTIONS_OF_A_SESSION = 200, 10
QUIET_SECONDS = 2.0
"""After so long, all is written down."""
FULL = "4MiB"
"""What the cache may have in front of the disk, so that it is full long before memory is compared."""


class Shape(NamedTuple):
    """The shapes of traffic.SHAPES that connections have in turns, how many connections there are, and the plugins that
    the requests meet beside ai-statistics. `questions` is after how many requests the same ones come again."""

    kinds: tuple[str, ...]
    connections: int = 32
    plugins: tuple[str, ...] = ()
    questions: int = 0


MIX = "mix"
SHAPES = {
    MIX: Shape(("plain", "burst")),
    "plain": Shape(("plain",)),
    "burst": Shape(("burst",)),
    "slow": Shape(("slow",), 128),
    "hit": Shape(("plain",), plugins=(processes.CACHE,), questions=1000),
    "miss": Shape(("plain",), plugins=(processes.CACHE,)),
}


class Client(asyncio.Protocol):
    """One connection, whose requests come one after another, each from another session and model."""

    def __init__(
        self, numbers: Iterator[int], kind: str, questions: int, port: int, closed: asyncio.Future[None]
    ) -> None:
        self._parts = traffic.request(kind, port).split(f"bench-{kind}".encode(), 1)
        self._kind = kind.encode()
        self._numbers = numbers
        self._questions = questions
        self._ended = _plain_ended if kind == "plain" else _stream_ended
        self._closed = closed
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def _next(self) -> None:
        number = next(self._numbers, None)
        if number is None:
            self._transport.close()
            return
        self._received = b""
        self._transport.write(self._request(number))

    def _request(self, number: int) -> bytes:
        """The same number of bytes for each number."""
        before, after = self._parts
        session = b"x-aigw-session: s%08d\r\nContent-Type" % (number // QUESTIONS_OF_A_SESSION)
        whole = b"%bm%04d-%b%b" % (before.replace(b"Content-Type", session), number % MODELS, self._kind, after)
        ahead, behind = traffic.around_number(whole)
        return b"%b%08d%b" % (ahead, number % self._questions if self._questions else number, behind)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._ended(self._received):
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._closed.done():
            self._closed.set_result(None)


def _stream_ended(received: bytes) -> bool:
    return received.endswith(b"\r\n0\r\n\r\n")


def _plain_ended(received: bytes) -> bool:
    head = received.lower().find(b"\r\n\r\n")
    at = received.lower().find(b"content-length: ", 0, max(head, 0))
    return at >= 0 and len(received) - head - 4 >= int(received[at + 16 :].split(b"\r\n", 1)[0])


async def send(shape: Shape, port: int, first: int, last: int) -> None:
    """Sends the requests with these numbers."""
    loop = asyncio.get_running_loop()
    numbers = iter(range(first, last))
    closed = [loop.create_future() for _ in range(shape.connections)]
    for place, each in enumerate(closed):
        kind = shape.kinds[place % len(shape.kinds)]
        client = partial(Client, numbers, kind, shape.questions, port, each)
        await loop.create_connection(client, "127.0.0.1", port)
    await asyncio.gather(*closed)
    if (left := next(numbers, None)) is not None:
        raise RuntimeError(f"the server closed its connections before request {left}")


@contextmanager
def _gateway(shape: Shape) -> Iterator[processes.Server]:
    with processes.upstream() as upstream, tempfile.TemporaryDirectory() as folder:
        plugins = (processes.STATISTICS, *shape.plugins)
        config = processes.write_config(Path(folder), upstream.port, *plugins, memory=FULL)
        with processes.aigw(config) as (aigw, _):
            yield aigw


def measure(requests: int, shape: str = MIX) -> dict[str, float]:
    """Resident memory (MiB): idle, after 10,000 requests, and after each ten times as many up to `requests`. The first
    10,000 come from clients that connect twice, as those after them connect anew."""
    with _gateway(SHAPES[shape]) as aigw:
        found: dict[str, float] = {"idle_mib": aigw.rss(), "requests": requests}
        warm = until = min(WARM, requests)
        _send(aigw, shape, 0, warm // 2)
        done = warm // 2
        while done < requests:
            _send(aigw, shape, done, until)
            found[f"after_{until}_mib"] = aigw.rss()
            done, until = until, min(until * 10, requests)
        before, after = found[f"after_{warm}_mib"], found[f"after_{done}_mib"]
        found["growth_percent"] = (after - before) / before * 100 if before else 0.0
        found["threads"] = len(list(Path(f"/proc/{aigw.pid}/task").iterdir())) if before else 0
    return {name: round(value, 2) for name, value in found.items()}


def _send(aigw: processes.Server, shape: str, first: int, last: int) -> None:
    """Lets a process send the requests with these numbers, and waits until all is written."""
    sent = ("--shape", shape, "--send", *map(str, (aigw.port, first, last)))
    with processes.python("load", "-m", "tests.benchmarks.memory", *sent) as load:
        if load.wait():
            raise RuntimeError("the load generator failed")
    time.sleep(QUIET_SECONDS)


def memory(effort: Effort) -> Figures:
    return measure(effort.requests)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.memory", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000, metavar="N", help="default: %(default)s")
    parser.add_argument("--shape", choices=SHAPES, default=MIX, help="default: %(default)s")
    parser.add_argument("--send", type=int, nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.send:
        uvloop.run(send(SHAPES[asked.shape], *asked.send))
    else:
        print(json.dumps({"shape": asked.shape, **measure(asked.requests, asked.shape)}))


if __name__ == "__main__":
    main()

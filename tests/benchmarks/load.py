"""The load generator: N connections, each with one request after another, for a time or a number of requests.

`python -m tests.benchmarks.load PORT SHAPE CONNECTIONS --seconds S | --requests N` prints one JSON line: requests per
second, and percentiles of the latencies in microseconds. Rule: as little work as possible for each response, as the
generator shares its core with the upstream. With --distinct no two requests are the same."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from array import array
from collections.abc import Sequence
from typing import cast

import uvloop

from tests.benchmarks import traffic

_clock = time.perf_counter
_STREAM_END = b"\r\n0\r\n\r\n"


class Run:
    """What the connections share: when to stop, and what was measured."""

    def __init__(self, *, until: float, requests: int) -> None:
        self.first = array("d")
        self.total = array("d")
        self.until = until
        self.left = requests
        self.open = 0
        self.sent = 0
        self.stopped = asyncio.get_running_loop().create_future()

    def closed(self) -> None:
        self.open -= 1
        if self.open == 0 and not self.stopped.done():
            self.stopped.set_result(None)

    def fail(self, message: str) -> None:
        if not self.stopped.done():
            self.stopped.set_exception(RuntimeError(message))


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, run: Run, request: bytes, *, streaming: bool, distinct: bool) -> None:
        self._run = run
        self._request = request
        self._around = traffic.around_number(request) if distinct else None
        self._streaming = streaming
        self._done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._run.open += 1

    def send(self) -> None:
        run = self._run
        run.left -= 1
        if run.left < 0 or _clock() > run.until:
            self._done = True
            self._transport.close()
            return
        self._tail = b""
        self._missing = -1
        self._first = 0.0
        request = self._request
        if self._around is not None:
            run.sent += 1
            request = b"%b%08d%b" % (self._around[0], run.sent, self._around[1])
        self._started = _clock()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if (self._stream_ends if self._streaming else self._plain_ends)(data):
            now = _clock()
            self._run.total.append(now - self._started)
            if self._streaming:
                self._run.first.append(self._first - self._started)
            self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done:
            self._run.fail(f"the server closed a connection: {error}")
        self._run.closed()

    def _plain_ends(self, data: bytes) -> bool:
        if self._missing < 0:
            data = self._tail + data
            head = data.find(b"\r\n\r\n")
            if head < 0:
                self._tail = data
                return False
            declared = self._declared(data[:head])
            if declared is None:  # the body is chunked
                self._tail = data
                return data.endswith(_STREAM_END)
            self._missing = head + 4 + declared
        self._missing -= len(data)
        return self._missing == 0

    def _declared(self, head: bytes) -> int | None:
        """The length of the body, None if it is chunked."""
        head = head.lower()
        at = head.find(b"content-length: ")
        if at < 0 and head.startswith(b"http/1.1 200") and b"transfer-encoding: chunked" in head:
            return None
        if at < 0 or not head.startswith(b"http/1.1 200"):
            self._run.fail(f"this is not the answer: {head!r}")
            return 0
        return int(head[at + 16 :].split(b"\r\n", 1)[0])

    def _stream_ends(self, data: bytes) -> bool:
        if not self._tail and not data.startswith(b"HTTP/1.1 200"):
            self._run.fail(f"this is not the answer: {data[:200]!r}")
        if not self._first and b"data:" in data:
            self._first = _clock()
        self._tail = (self._tail + data)[-len(_STREAM_END) :]
        return self._tail == _STREAM_END


async def load(
    port: int,
    shape: str,
    connections: int,
    *,
    seconds: float,
    requests: int,
    distinct: int = 0,
    path: str = "",
    header: Sequence[str] = (),
) -> dict[str, float]:
    request, streaming = traffic.request(shape, port, path=path, headers=header), shape != "plain"
    return await measured(
        port, request, connections, streaming=streaming, seconds=seconds, requests=requests, distinct=distinct
    )


async def measured(
    port: int,
    request: bytes,
    connections: int,
    *,
    streaming: bool,
    seconds: float,
    requests: int = 0,
    distinct: int = 0,
) -> dict[str, float]:
    """Sends this request again and again."""
    loop = asyncio.get_running_loop()
    run = Run(until=float("inf"), requests=requests or 2**62)
    run.sent = distinct

    def client() -> Client:
        return Client(run, request, streaming=streaming, distinct=distinct > 0)

    clients = [(await loop.create_connection(client, "127.0.0.1", port))[1] for _ in range(connections)]
    started = _clock()
    run.until = started + seconds if seconds else float("inf")
    for client in clients:
        client.send()
    await run.stopped
    elapsed = _clock() - started
    found = {"requests": len(run.total), "per_second": len(run.total) / elapsed}
    for name, latencies in (("total", run.total), ("first", run.first)):
        if latencies:
            ordered = sorted(latencies)
            found |= {f"{name}_p{p}": ordered[int(len(ordered) * p / 100)] * 1e6 for p in (50, 99)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("shape", choices=(*traffic.SHAPES, *traffic.LONG))
    parser.add_argument("connections", type=int)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--requests", type=int, default=0)
    parser.add_argument("--distinct", type=int, default=0, metavar="N", help="number the questions, from N on")
    parser.add_argument("--path", default="", help="of the requests, in place of the shape's")
    parser.add_argument(
        "--header", action="append", default=[], metavar="NAME: VALUE", help="another one, in each request"
    )
    asked = vars(parser.parse_args())
    print(json.dumps(uvloop.run(load(asked.pop("port"), asked.pop("shape"), asked.pop("connections"), **asked))))


if __name__ == "__main__":
    main()

"""The provider of the benchmark: answers with bytes that were built beforehand. `python -m tests.benchmarks.upstream`
prints its port.

It parses as little as a request needs: where the body ends, which model (the shape), whether usage is asked for."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import cast

import uvloop

from tests.benchmarks import traffic

SLOW_SECONDS = 0.02
"""Between two events of a slow stream."""

_CLOUDS = traffic.cloud_answers()
_PLAIN = traffic.plain_answer()
_STREAM_HEAD = traffic.stream_head()
_LAST = b"0\r\n\r\n"


@lru_cache(maxsize=4096)
def _pieces(user: bytes, usage: bool, count: int = traffic.EVENTS) -> list[bytes]:
    return [traffic.chunked(event) for event in traffic.events(user, usage=usage, count=count)]


@lru_cache(maxsize=4096)
def _whole(user: bytes, usage: bool, count: int = traffic.EVENTS) -> bytes:
    return _STREAM_HEAD + b"".join(_pieces(user, usage, count)) + _LAST


class Provider(asyncio.Protocol):
    """One connection; requests come one after another."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        data = self._received = self._received + data if self._received else data
        head = data.find(b"\r\n\r\n")
        if head >= 0 and len(data) - head - 4 >= _content_length(data[:head]):
            self._received = b""
            self._answer(data)

    def _answer(self, request: bytes) -> None:
        if b'"stream":true' not in request:
            path = request[5 : request.index(b" ", 5)]
            self._transport.write(_CLOUDS.get(path, _PLAIN))
            return
        user, usage = traffic.user_of(request), b'"include_usage":true' in request
        count = traffic.LONG_EVENTS if b'"bench-long' in request else traffic.EVENTS
        if b'-burst"' in request or b'-long"' in request:
            self._transport.write(_whole(user, usage, count))
        else:
            self._transport.write(_STREAM_HEAD)
            self._next(_pieces(user, usage, count), 0, SLOW_SECONDS if b'-slow"' in request else 0.0)

    def _next(self, pieces: list[bytes], index: int, pause: float) -> None:
        """Writes one event a turn of the loop, or one each `pause` seconds."""
        if index == len(pieces):
            self._transport.write(_LAST)
            return
        self._transport.write(pieces[index])
        if pause:
            self._loop.call_later(pause, self._next, pieces, index + 1, pause)
        else:
            self._loop.call_soon(self._next, pieces, index + 1, pause)


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())

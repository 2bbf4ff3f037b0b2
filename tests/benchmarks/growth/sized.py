"""Traffic of a size: `python -m tests.benchmarks.growth.sized upstream` is a provider that sends as many events as the
name of the model says, and `... load PORT BYTES EVENTS CONNECTIONS SECONDS [PATH [KEY]]` sends it requests of so many
bytes, plain ones for 0 events. It prints what `tests.benchmarks.load` prints."""

from __future__ import annotations

import asyncio
import json
import re
import sys

import uvloop

from tests.benchmarks import load, traffic, upstream

MODEL = re.compile(rb'"bench-(\d+)-events"')
MESSAGE = 1024
"""Bytes of a message."""
PATH = "/v1/chat/completions"


def request(port: int, size: int, events: int, path: str = PATH, key: str = "sk-client") -> bytes:
    """A request with a body of about so many bytes, in messages of MESSAGE bytes."""
    texts = ["x" * (min(MESSAGE, size - at) - 40) for at in range(0, size - 150, MESSAGE) if size - at > 40]
    messages = [{"role": "user", "content": text} for text in texts or ["Hello!"]]
    body = {"model": f"bench-{events}-events", "messages": messages, **({"stream": True} if events else {})}
    text = json.dumps(body, separators=(",", ":")).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text


class Provider(upstream.Provider):
    """Sends all events of a stream at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._pieces: list[bytes] = []
        self._missing = 0

    def data_received(self, data: bytes) -> None:
        """Joins the pieces of a large body once."""
        self._pieces.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return
        whole = b"".join(self._pieces)
        head = whole.find(b"\r\n\r\n")
        self._missing = head + 4 + upstream._content_length(whole[:head]) - len(whole) if head >= 0 else 0
        self._pieces = [whole]
        if head >= 0 and self._missing <= 0:
            self._pieces, self._missing = [], 0
            self._answer(whole)

    def _answer(self, request: bytes) -> None:
        found = MODEL.search(request)
        count = int(found[1]) if found else 0
        if count:
            self._transport.write(
                upstream._whole(b"0" * traffic.USER_DIGITS, b'"include_usage":true' in request, count)
            )
        else:
            self._transport.write(upstream._PLAIN)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def send(port: int, size: int, events: int, connections: int, seconds: float, *where: str) -> dict[str, float]:
    message = request(port, size, events, *where)
    return await load.measured(port, message, connections, streaming=events > 0, seconds=seconds)


def main(what: str, *arguments: str) -> None:
    if what == "upstream":
        uvloop.run(serve())
    else:
        port, size, events, connections, seconds, *where = arguments
        found = uvloop.run(send(int(port), int(size), int(events), int(connections), float(seconds), *where))
        print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])

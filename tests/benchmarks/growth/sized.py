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

MODEL = re.compile(rb'"bench-(\d+)-events(?:-every-(\d+)-ms)?"')
MESSAGE = 1024
"""Bytes of a message."""
PATH = "/v1/chat/completions"


def request(
    port: int, size: int, events: int, path: str = PATH, key: str = "sk-client", *, pause: int = 0, user: int = 0
) -> bytes:
    """A request with a body of about so many bytes, in messages of MESSAGE bytes. Events come `pause` ms apart."""
    texts = ["x" * (min(MESSAGE, size - at) - 40) for at in range(0, size - 150, MESSAGE) if size - at > 40]
    messages = [{"role": "user", "content": text} for text in texts or ["Hello!"]]
    model = f"bench-{events}-events" + (f"-every-{pause}-ms" if pause else "")
    body = {"model": model, "messages": messages, "user": f"{user:0{traffic.USER_DIGITS}}"}
    if events:
        body["stream"] = True
    text = json.dumps(body, separators=(",", ":")).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text


class Provider(upstream.Provider):
    """Sends all events of a stream at once, unless they are to come one by one."""

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
        count, pause = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
        user, usage = traffic.user_of(request), b'"include_usage":true' in request
        if not count:
            self._transport.write(upstream._PLAIN)
        elif pause:
            pieces = upstream._pieces(user, usage, count)
            self._transport.write(upstream._STREAM_HEAD + b"".join(pieces[:2]))
            self._loop.call_later(pause / 1000, self._next, pieces, 2, pause / 1000)
        else:
            self._transport.write(upstream._whole(user, usage, count))


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

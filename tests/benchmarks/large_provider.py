"""The provider of large answers: `python -m tests.benchmarks.large_provider` prints its port.

It answers chat and Messages, to `large-...` models with what their names say, to others with the usual answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import uvloop

from tests.benchmarks import traffic
from tests.benchmarks.large import EVENTS, MB

_HEAD = b"HTTP/1.1 200 OK\r\nserver: bench\r\n"
_TEXT = 'All work and no play makes \\n a long "answer". '


def _plain(body: Any) -> bytes:
    text = json.dumps(body, separators=(",", ":")).encode()
    return _HEAD + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(text) + text


def _chat(text: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 170, "completion_tokens": 160, "total_tokens": 330}
    return _plain(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "large", "choices": [choice], "usage": usage}
    )


def _message() -> bytes:
    content = [{"type": "text", "text": "Hello!"}]
    usage = {"input_tokens": 170, "output_tokens": 160}
    body = {"id": "m", "type": "message", "role": "assistant", "model": "large", "content": content}
    return _plain({**body, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage})


def _stream(events: list[bytes]) -> bytes:
    body = b"".join(events)
    return traffic.stream_head() + traffic.chunked(body) + b"0\r\n\r\n"


def _large_event() -> list[bytes]:
    first, second, *others = traffic.events(b"0" * traffic.USER_DIGITS, usage=True, count=5)
    return [first, second.replace(b" token0", json.dumps(_TEXT * (5 * MB // len(_TEXT)))[1:-1].encode()), *others]


def _vectors() -> bytes:
    numbers = [0.0123456789 * (1 + each / 7919) for each in range(1536)]
    data = [{"object": "embedding", "index": each, "embedding": numbers} for each in range(300)]
    usage = {"prompt_tokens": 600, "total_tokens": 600}
    return _plain({"object": "list", "data": data, "model": "large", "usage": usage})


ANSWERS = {
    b'large-event"': _stream(_large_event()),
    b'large-events"': _stream(traffic.events(b"0" * traffic.USER_DIGITS, usage=True, count=EVENTS)),
    b'large-answer"': _chat(_TEXT * (5 * MB // len(_TEXT))),
    b'large-vectors"': _vectors(),
    b'large-plain"': _chat("Hello!"),
}
_USUAL, _MESSAGE, _FILE = traffic.plain_answer(), _message(), _plain({"id": "f", "object": "file", "text": "Hello!"})


class Provider(asyncio.Protocol):
    """One connection; requests come one after another."""

    def __init__(self) -> None:
        self._head = b""
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Keeps the first piece of a request and the last one: the names of a model are in them."""
        if not self._missing:
            self._head += data
            head, ended, body = self._head.partition(b"\r\n\r\n")
            if not ended:
                return
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self._missing = int(length or 0) - len(body)
        else:
            self._missing -= len(data)
        if not self._missing:
            first, self._head = self._head, b""
            self._transport.write(_answer(first, data[-4096:]))


def _answer(first: bytes, last: bytes) -> bytes:
    if first.startswith((b"POST /v1/files", b"POST /v1/audio")):
        return _FILE
    if first.startswith(b"POST /v1/messages"):
        return _MESSAGE
    told = first[:4096] + last
    return next((answer for name, answer in ANSWERS.items() if name in told), _USUAL)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())

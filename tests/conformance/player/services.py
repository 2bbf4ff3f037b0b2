"""The other side: every service that a case names listens on loopback, records what it gets and answers as scripted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

from player.wire import Call, read_message

LATE_SECONDS = 2.0

COMPLETION = {
    "id": "chatcmpl-0",
    "object": "chat.completion",
    "created": 0,
    "model": "default",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


class Answer(NamedTuple):
    """A scripted answer. Pieces are sent one by one with chunked framing; without them the body goes out whole."""

    status: int
    headers: dict[str, str]
    body: bytes
    pieces: list[bytes] | None = None

    def encode_head(self) -> bytes:
        framing = (
            {"transfer-encoding": "chunked"} if self.pieces is not None else {"content-length": str(len(self.body))}
        )
        headers = {**self.headers, **framing}
        lines = [f"HTTP/1.1 {self.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode()


def answer_of(script: Mapping[str, Any] | None, method: str) -> Answer:
    """What a case's `upstream` or mock says. Without a script: a completion, for a GET an empty list."""
    if script is None:
        script = {"body": {"object": "list", "data": []} if method == "GET" else COMPLETION}
    headers = {name.lower(): str(value) for name, value in (script.get("headers") or {}).items()}
    if "chunks" in script:
        headers.setdefault("content-type", "text/event-stream")
        pieces = [chunk.encode() for chunk in script["chunks"] if chunk]
        return Answer(int(script.get("status", 200)), headers, b"".join(pieces), pieces)
    body = script.get("body", "")
    headers.setdefault("content-type", "text/plain" if isinstance(body, str) else "application/json")
    return Answer(int(script.get("status", 200)), headers, encode_body(body))


def encode_body(body: Any) -> bytes:
    """A text as it stands, anything else as JSON with Python's own spacing, which some cases quote. None is no body."""
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()


Responder = Callable[[Call], Answer | None]


class Services:
    """Listeners by their service's name. `calls` is what arrived, in order; `respond` is asked for every answer."""

    def __init__(self, respond: Responder) -> None:
        self.respond = respond
        self.urls: dict[str, str] = {}
        self.calls: list[Call] = []
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._arrived = asyncio.Event()

    async def settle(self, number: int) -> None:
        """Waits for calls that come after the answer: until there are `number`, but no longer than LATE_SECONDS."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LATE_SECONDS):
                while len(self.calls) < number:
                    self._arrived.clear()
                    await self._arrived.wait()

    async def listen(self, name: str, stack: AsyncExitStack) -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._open[task] = writer
            try:
                await self._serve(name, reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                return  # the gateway left: what it had sent by then is in `calls`
            finally:
                del self._open[task]
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        stack.push_async_callback(self._stop, server)
        self.urls[name] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (message := await read_message(reader, is_response=False)) is not None:
            call = Call(message.start, message.headers, message.body, name)
            self.calls.append(call)
            self._arrived.set()
            answer = self.respond(call)
            if answer is None:  # a service that is down
                writer.transport.abort()
                return
            writer.write(answer.encode_head())
            if answer.pieces is None:
                writer.write(answer.body)
            else:
                await _write_pieces(writer, answer.pieces)
            await writer.drain()

    async def _stop(self, server: asyncio.Server) -> None:
        server.close()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open)
        await server.wait_closed()


async def _write_pieces(writer: asyncio.StreamWriter, pieces: list[bytes]) -> None:
    for piece in pieces:
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await writer.drain()
        await asyncio.sleep(0)
    writer.write(b"0\r\n\r\n")


@asynccontextmanager
async def serve(names: list[str], refused: list[str], respond: Responder) -> AsyncIterator[Services]:
    """Listeners for all names, closed at the end. A connection to a refused one is refused."""
    services = Services(respond)
    async with AsyncExitStack() as stack:
        for name in names:
            await services.listen(name, stack)
        for name in refused:
            reserved = stack.enter_context(socket.socket())  # bound, so that nobody else can, and not listening
            reserved.bind(("127.0.0.1", 0))
            services.urls[name] = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        yield services

"""A provider on loopback whose every byte a test scripts, and which remembers what it got and who left.

The n-th request gets the n-th script, the last one is repeated; connections are kept as HTTP/1.1 keeps them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

from multidict import CIMultiDict

PATIENCE = 10.0
"""Seconds after which a test that waits for something has failed."""


class Received:
    """One request as it came over the wire. `body` is there once it has been read, `framed` as it was framed."""

    def __init__(self, head: bytes) -> None:
        self.head = head
        line, *fields = head[:-4].decode("latin-1").split("\r\n")
        self.method, self.target, _ = line.split(" ")
        self.headers = CIMultiDict(field.split(": ", 1) for field in fields)
        self.body = b""
        self.complete = False

    def json(self) -> object:
        return json.loads(self.body)


class Peer:
    """The server's side of one connection."""

    request: Received

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.reader = reader
        self.writer: asyncio.StreamWriter
        self.closed = asyncio.Event()
        """The other side is gone, or this one has closed."""

    async def pieces(self) -> AsyncIterator[bytes]:
        """The request's body as it arrives."""
        headers = self.request.headers
        if "chunked" in headers.get("transfer-encoding", ""):
            while size := int((await self.reader.readuntil(b"\r\n")), 16):
                yield await self.reader.readexactly(size)
                await self.reader.readuntil(b"\r\n")
            await self.reader.readuntil(b"\r\n")
        else:
            left = int(headers.get("content-length", "0"))
            while left:
                piece = await self.reader.read(min(left, 65536))
                if not piece:
                    raise asyncio.IncompleteReadError(b"", left)
                left -= len(piece)
                yield piece
        self.request.complete = True

    async def body(self) -> bytes:
        """The whole body of the request, read once."""
        if not self.request.complete:
            self.request.body = b"".join([piece async for piece in self.pieces()])
        return self.request.body

    async def send(self, data: bytes) -> None:
        await self.body()
        self.writer.write(data)
        await self.writer.drain()

    async def answer(
        self,
        body: bytes = b"{}",
        status: int = 200,
        headers: dict[str, str] | None = None,
        kind: str = "application/json",
    ) -> None:
        """A complete answer."""
        fields = {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}
        await self.send(_head(status, fields) + body)

    async def begin(self, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """The head of a stream of events."""
        fields = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked", **(headers or {})}
        await self.send(_head(status, fields))

    async def piece(self, data: bytes) -> None:
        """One chunk of a body that `begin` began."""
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        await self.send(b"0\r\n\r\n")

    async def gone(self) -> None:
        """Waits until the connection is closed."""
        async with asyncio.timeout(PATIENCE):
            await self.closed.wait()

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


class ScriptedUpstream:
    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server
        self._errors: list[BaseException] = []
        self.requests: list[Received] = []
        self.peers: list[Peer] = []

    @property
    def url(self) -> str:
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Raises the first error of a script."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)
        if self._errors:
            raise self._errors[0]

    async def all_closed(self) -> None:
        """Waits until the gateway has closed every connection that it had opened."""
        for peer in self.peers:
            await peer.gone()

    def _accept(self) -> asyncio.Protocol:
        reader = asyncio.StreamReader(limit=2**20)
        peer = Peer(reader)
        self.peers.append(peer)

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer.writer = writer
            task = asyncio.ensure_future(self._converse(peer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return _Protocol(reader, connected, peer.closed)

    async def _converse(self, peer: Peer) -> None:
        try:
            while True:
                peer.request = Received(await peer.reader.readuntil(b"\r\n\r\n"))
                self.requests.append(peer.request)
                script = self._scripts[min(len(self.requests), len(self._scripts)) - 1]
                await script(peer)
                await peer.body()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the gateway left, which the test looks at
        except Exception as error:  # noqa: BLE001  told to the test when it ends
            self._errors.append(error)
        finally:
            peer.writer.close()
            with contextlib.suppress(OSError):
                await peer.writer.wait_closed()


class _Protocol(asyncio.StreamReaderProtocol):
    """Notices at once that the other side is gone, also while nobody reads."""

    def __init__(self, reader: asyncio.StreamReader, connected: Callable[..., None], closed: asyncio.Event) -> None:
        super().__init__(reader, connected)
        self._closed_event = closed

    def eof_received(self) -> bool | None:
        self._closed_event.set()
        return super().eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._closed_event.set()
        super().connection_lost(error)


def _head(status: int, fields: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()

"""An HTTP/1.1 client that sends exactly the bytes it is given."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from typing import Any

from multidict import CIMultiDict
from stage.upstream import PATIENCE


class Answer:
    def __init__(self, status: int, headers: CIMultiDict[str], body: bytes, *, truncated: bool = False) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.truncated = truncated
        """The connection ended before the body did."""

    def json(self) -> Any:
        return json.loads(self.body)


class RawClient:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, *, receive_buffer: int = 0) -> RawClient:
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        except OSError:
            sock.close()
            raise
        return cls(*await asyncio.open_connection(sock=sock, limit=4096 if receive_buffer else 2**20))

    async def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        await self.send(encode(method, path, body, **headers))
        return await self.answer(head_only=method == "HEAD")

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(PATIENCE):
            self.writer.write(data)
            await self.writer.drain()

    async def head(self) -> tuple[int, CIMultiDict[str]]:
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
        line, *fields = head[:-4].decode().split("\r\n")
        return int(line.split(" ")[1]), CIMultiDict(field.split(": ", 1) for field in fields)

    async def answer(self, *, head_only: bool = False) -> Answer:
        status, headers = await self.head()
        if head_only or status in (204, 304) or status < 200:
            return Answer(status, headers, b"")
        pieces: list[bytes] = []
        try:
            async with asyncio.timeout(PATIENCE):
                await self._body(headers, pieces)
        except (asyncio.IncompleteReadError, ConnectionError):
            return Answer(status, headers, b"".join(pieces), truncated=True)
        return Answer(status, headers, b"".join(pieces))

    async def _body(self, headers: CIMultiDict[str], pieces: list[bytes]) -> None:
        if "content-length" in headers:
            pieces.append(await self.reader.readexactly(int(headers["content-length"])))
        elif "chunked" in headers.get("transfer-encoding", ""):
            while data := await self.chunk():
                pieces.append(data)
        else:
            while data := await self.reader.read(65536):
                pieces.append(data)

    async def chunk(self) -> bytes:
        """One piece of a chunked body, b"" at its end."""
        async with asyncio.timeout(PATIENCE):
            line = await self.reader.readuntil(b"\r\n")
            return (await self.reader.readexactly(int(line, 16) + 2))[:-2]

    async def closed(self) -> bool:
        """Waits until the server has closed the connection. False if it sent something more instead."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


def encode(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request. Underscores in header names stand for hyphens."""
    fields = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    fields = {"host": "127.0.0.1"} | fields
    if body or method in ("POST", "PUT", "PATCH"):
        fields = {"content-type": "application/json", "content-length": str(len(body))} | fields
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items() if value)]
    return "\r\n".join([*lines, "", ""]).encode() + body

"""HTTP/1.1 as plain as it gets, for the player's client and its services: nothing is added to what a case says.

Header names are lower case; several values of one name are joined by a comma, as Higress shows them to a plugin."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from player.mismatch import Mismatch

SECONDS = 15.0
"""How long an answer may take. The slowest real one takes less than one second."""


@dataclass
class Message:
    """A request or a response: its first line in three parts, its headers, its decoded body."""

    start: list[str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Call(Message):
    """A request that a service received."""

    service: str = ""

    @property
    def method(self) -> str:
        return self.start[0]

    @property
    def target(self) -> str:
        return self.start[1]

    @property
    def host(self) -> str:
        return self.headers.get("host", "")


@dataclass
class Sent:
    """A request as the client writes it."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def encode(self) -> bytes:
        headers = dict(self.headers)
        if self.body or self.method not in ("GET", "HEAD"):
            headers.setdefault("content-length", str(len(self.body)))
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


async def read_message(reader: asyncio.StreamReader, *, is_response: bool, method: str = "") -> Message | None:
    """One message; None if the peer closed before its first byte."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name = name.lower()
        headers[name] = f"{headers[name]},{value.strip()}" if name in headers else value.strip()
    message = Message(first.split(" ", 2), headers)
    if not (method == "HEAD" or (is_response and message.start[1] in ("204", "304"))):
        message.body = await _read_body(reader, headers, until_end=is_response)
    return message


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str], *, until_end: bool) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        pieces = []
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            pieces.append((await reader.readexactly(size + 2))[:-2])
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return b"".join(pieces)
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    return await reader.read() if until_end else b""


async def exchange(url: str, sent: Sent) -> Message:
    """Sends a request on a connection of its own and reads the answer. Raises Mismatch if none comes."""
    address = urlsplit(url)
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            try:
                writer.write(sent.encode())
                answer = await read_message(reader, is_response=True, method=sent.method)
            finally:
                writer.close()
                await _closed(writer)
    except TimeoutError:
        raise Mismatch(f"the gateway did not answer within {SECONDS:.0f} s") from None
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise Mismatch(f"the gateway broke off its answer: {error!r}") from None
    if answer is None:
        raise Mismatch("the gateway closed the connection without an answer")
    return answer


async def _closed(writer: asyncio.StreamWriter) -> None:
    try:
        await writer.wait_closed()
    except ConnectionError:
        return

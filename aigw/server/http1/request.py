"""A request as it came over a connection, and its body as it arrives.

Rule: bytes are delivered when they arrive, all that are there at once. If too many are unread, the connection is not
read until some are."""

from __future__ import annotations

import asyncio
from typing import Protocol

from multidict import CIMultiDict

HIGH_WATER = 256 * 1024
"""If this many bytes of a request are unread, the connection is not read further until some of them are."""


class Peer(Protocol):
    """The connection that a request came over. `gone`: the client has left. `arrived` is when the first byte of the
    request that is answered now came, in seconds of the monotonic clock. `stopping`: the server, not the client, cuts
    off what is under way. `keeps`: the connection may serve another request. `slow`: the client reads too slowly; wait
    for `drained` before you write more."""

    remote: str
    arrived: float
    stopping: bool
    keeps: bool
    slow: bool

    @property
    def gone(self) -> bool: ...

    def took(self, size: int) -> None:
        """Called when `size` bytes of a body were read."""
        ...

    def write(self, *pieces: bytes) -> None: ...

    async def drained(self) -> None: ...

    def abort(self) -> None:
        """Breaks the connection, so that the client notices that something is missing."""
        ...


class IncomingBody:
    """The body of a request. `complete`: its last byte has arrived. A cancelled read loses nothing."""

    __slots__ = ("_dropped", "_error", "_peer", "_pieces", "_waiter", "complete", "size")

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._pieces: list[bytes] = []
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._dropped = False
        self.complete = False
        self.size = 0
        """How many bytes are unread."""

    async def read(self) -> bytes:
        """Returns what has arrived, b"" at the end. Raises what `fail` was called with."""
        while not self._pieces:
            if self.complete:
                return b""
            if self._error is not None:
                raise self._error
            await self._change()
        pieces, size = self._pieces, self.size
        self._pieces, self.size = [], 0
        self._peer.took(size)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def drop(self) -> None:
        """Drops what is unread, and what still comes."""
        self._dropped = True
        self._pieces.clear()
        size, self.size = self.size, 0
        self._peer.took(size)

    async def ended(self) -> None:
        """Returns when its last byte has arrived, or no more can come."""
        while not self.complete and self._error is None:
            await self._change()

    async def _change(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    # The connection calls these.

    def feed(self, data: bytes) -> int:
        """Returns how many bytes it keeps."""
        if self._dropped:
            return 0
        self._pieces.append(data)
        self.size += len(data)
        self._wake()
        return len(data)

    def end(self) -> None:
        self.complete = True
        self._wake()

    def fail(self, error: Exception) -> None:
        self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class HttpRequest:
    """A request as it came. `target` is the request target as it came. `version` is "1.1" or "1.0"."""

    __slots__ = ("body", "expects", "headers", "keeps", "method", "peer", "target", "version")

    def __init__(self, peer: Peer, method: str, target: str, version: str, headers: CIMultiDict[str]) -> None:
        self.peer = peer
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        self.body = IncomingBody(peer)
        self.keeps = True
        """The client wants to send further requests on this connection."""
        self.expects = version != "1.0" and headers.get("expect", "").lower() == "100-continue"
        """The client waits for leave to send its body."""

    def let_body_come(self) -> None:
        """Answers a client that waits for leave to send its body."""
        if self.expects:
            self.expects = False
            if not self.body.complete:
                self.peer.write(b"HTTP/1.1 100 Continue\r\n\r\n")

"""A response, and its body as it arrives. Rule: bytes are delivered when they arrive, all that are there at once.

The body owns its bytes. Its connection is free when the last byte has arrived, even if nobody has read it yet."""

from __future__ import annotations

from typing import Protocol

from multidict import CIMultiDict

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.upstream import UpstreamBody

HIGH_WATER = 256 * 1024
"""If this many bytes are unread, the connection is not read further until some of them are."""


class BodySource(Protocol):
    """The connection that fills a body."""

    paused: bool

    async def wait_for_more(self) -> None: ...

    def resume(self) -> None: ...

    def drop(self) -> None: ...


class Body:
    """An `UpstreamBody`. A cancelled read loses nothing: the caller may read again, or call `aclose`."""

    __slots__ = ("_error", "_pieces", "_source", "size")

    def __init__(self, source: BodySource | None = None) -> None:
        self._source = source
        self._pieces: list[bytes] = []
        self._error: UpstreamError | None = None
        self.size = 0
        """How many bytes are unread."""

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._source is None:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            await self._source.wait_for_more()
        pieces = self._pieces
        self._pieces = []
        self.size = 0
        if self._source is not None and self._source.paused:
            self._source.resume()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def take(self) -> bytes | None:
        """Returns the whole body if it has arrived and nothing of it was read, else None. It then counts as read."""
        if self._source is not None or self._error is not None:
            return None
        data = b"".join(self._pieces)
        self.close()
        return data

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        """Drops unread bytes, and closes the connection if the body has not ended."""
        self._pieces.clear()
        self.size = 0
        source = self._source
        if source is not None:
            self.end(UpstreamError(UpstreamFault.RESET, "the body was closed before its end"))
            source.drop()

    # The connection calls these.

    def feed(self, data: bytes) -> None:
        self._pieces.append(data)
        self.size += len(data)

    def end(self, error: UpstreamError | None) -> None:
        """Detaches the connection. Bytes that have arrived can still be read; then comes the end, or `error`."""
        self._source = None
        self._error = error


def arrived(body: UpstreamBody) -> bytes | None:
    """Returns a whole unread body if all of it has arrived already, else None; the body then counts as read. This is
    the case for most answers in JSON and for all recorded ones, and saves 20 us for one that is watched."""
    return body.take() if isinstance(body, Body) else None


class Response:
    """An `UpstreamResponse`."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: CIMultiDict[str], body: Body) -> None:
        self.status = status
        self.headers = headers
        self.body = body
